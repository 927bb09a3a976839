"""What the sender gets back, and the log that makes it provable."""
