"""Paths of providers' own copies in published/."""

import os
from pathlib import Path

from gateway.errors import Fault
from gateway.home import Home, shown_name
from gateway.model import VIEW_EXTENSIONS
from gateway.registry import copies
from gateway.registry.copies import Copy
from gateway.registry.database import Registry


def copy_path(home: Home, copy: Copy) -> Path:
    """Return the path of a copy."""
    extension = copy.extension
    if copy.part:
        extension = extension.removeprefix("formulas.")
        extension = VIEW_EXTENSIONS.get(extension, extension)
    name = shown_name(f"{copy.flow}_{copy.decided_at:%Y-%m-%d}_{copy.reference}.{extension}.pgp")
    return home.published.provider(copy.provider) / "out" / name


def take_back_copies(home: Home, registry: Registry) -> None:
    """Remove every copy in an /out no longer owed to a provider. Repeatable.

    Raises Fault where published/ cannot be written.
    """
    with registry.read() as session:
        owed = {copy_path(home, copy) for copy in copies.owed(session, made_too=True)}
    try:
        for path in (home.published.root / "providers").glob("*/out/[!.]*"):
            if path not in owed:
                path.unlink(missing_ok=True)
    except OSError as error:
        raise Fault(f"published/ cannot be written: {os.strerror(error.errno or 0)}") from None
