"""The isolated children that see plaintext, the requests to each, and the parent's end."""
