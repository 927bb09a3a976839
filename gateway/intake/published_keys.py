"""The published SSH keys of each provider, the condition of a login."""

from __future__ import annotations

import asyncssh

from gateway.home import PROVIDER_ID, Published

# The list searched for unknown users, well-formed like every provider's.
_NOBODYS_KEYS = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f nobody\n"


def holds_key(published: Published, username: str, key: asyncssh.SSHKey, address: str) -> bool:
    """Return True if `key` is published for the provider `username`, and may be used from `address`.

    Unknown names take the same steps, and so the same time, as known providers.
    """
    known = PROVIDER_ID.fullmatch(username) is not None
    path = published.provider(username if known else "-") / "authorized_keys"
    try:
        text = path.read_text("utf-8", errors="replace")
    except FileNotFoundError:
        known, text = False, _NOBODYS_KEYS
    try:
        keys = asyncssh.import_authorized_keys(text)
    except ValueError:
        return False  # No line of the file is a key.
    return keys.validate(key, "", address) is not None and known
