"""The admin API: governance as people and their tools read and change it, on a port of its own."""
