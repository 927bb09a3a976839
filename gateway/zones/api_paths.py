"""The API for programs as both of its ends know it: the addresses, and how a credential begins."""

ROOT = "/api/v1"
"""The first part of every path."""
CREDENTIAL = "gateway-program-"
"""The beginning of every credential, by which scanners for leaked secrets know one."""
