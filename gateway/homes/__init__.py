"""A home is made, shown at work, audited, backed up, restored and upgraded."""
