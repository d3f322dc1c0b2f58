"""The JSON of each dialect as types, one file a dialect."""
