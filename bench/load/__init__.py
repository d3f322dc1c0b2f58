"""Load generators: they call, check every answer, and count time honestly."""
