"""What happens to keys: changes, rotation, resealing, and what their owners are told."""
