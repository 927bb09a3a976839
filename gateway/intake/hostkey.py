"""Intake's own SSH host key: made once, never overwritten."""

from __future__ import annotations

from pathlib import Path

import asyncssh

from gateway.errors import ConfigurationError
from gateway.spool import write_durably

_NAME = "ssh_host_ed25519_key"


def host_key(folder: Path) -> asyncssh.SSHKey:
    """The Ed25519 host key in `folder`, made there at the first start with its .pub beside it.

    ConfigurationError where the key cannot be read. A key that is there is never replaced.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    secret = folder / _NAME
    if not secret.exists():
        _make(secret)
    try:
        key = asyncssh.read_private_key(secret)
    except (OSError, asyncssh.KeyImportError) as error:
        raise ConfigurationError(f"{secret} cannot be read as an SSH private key") from error
    public = secret.with_suffix(".pub")
    if not public.exists():
        write_durably(public, key.export_public_key(), mode=0o644)
    return key


def _make(secret: Path) -> None:
    """A new key under its final name, whole or not at all, readable by its owner only."""
    key = asyncssh.generate_private_key("ssh-ed25519", comment="gateway")
    aside = secret.with_name(f".{secret.name}.new")
    aside.unlink(missing_ok=True)
    write_durably(aside, key.export_private_key(), mode=0o600)
    try:
        secret.hardlink_to(aside)  # Unlike a rename, a link never replaces a key made meanwhile.
    except FileExistsError:
        pass
    finally:
        aside.unlink(missing_ok=True)
