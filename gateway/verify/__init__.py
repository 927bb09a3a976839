"""Verifiers for use offline, without the gateway."""
