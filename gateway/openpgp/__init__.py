"""Opening what providers sealed, and sealing what is meant for them."""
