"""What turns a text into a direction: the interface, and what stands behind it."""
