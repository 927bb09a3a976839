"""Verifiers that work offline, without the gateway that made what they verify."""
