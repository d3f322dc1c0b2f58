"""What a bench found: as a document, on the terminal, as a picture."""
