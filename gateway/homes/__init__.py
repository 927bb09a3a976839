"""A home is made, backed up, restored and upgraded."""
