"""Embeddings in every dialect that has them (see `gateway.dialects.form.Form`)."""
