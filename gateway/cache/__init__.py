"""Answers that were given before: whose they are, what they answer, and where they are kept."""
