"""The data of the house: frozen structs that rooms exchange."""
