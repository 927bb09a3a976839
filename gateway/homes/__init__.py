"""A home is made, shown at work, backed up, restored and upgraded."""
