"""Counting a conversation's tokens in every dialect that has it (see `gateway.dialects.form.Form`), or by estimate."""
