"""What the sender gets back: receipts and notices, as text for people and JSON for machines."""
