"""Wire formats: what callers and providers speak."""
