"""The store's tables, step by step: each version changes what the one before it left."""
