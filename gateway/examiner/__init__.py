"""The isolated child processes that see plaintext, and the requests by which services use the children."""
