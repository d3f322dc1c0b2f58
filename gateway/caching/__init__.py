"""Answers that need no provider: kept ones, and those that somebody else is being given at this moment."""
