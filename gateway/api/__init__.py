"""The doors: HTTP in, HTTP out, over ASGI."""
