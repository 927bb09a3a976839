"""Verify receipts, notices and the log offline, without the gateway."""
