"""The way to the providers: connections, tries, replies."""
