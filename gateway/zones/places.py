"""Where the services are that one supervisor runs."""

from __future__ import annotations

import json

from gateway.home import Home
from gateway.zones.locks import is_locked


def places_of(home: Home) -> dict[str, str]:
    """Where the services are that `gateway run` runs on `home` now; nothing where it does not."""
    try:
        running = is_locked(home.places)
    except FileNotFoundError:
        return {}
    return dict(json.loads(home.places.read_bytes() or b"{}")) if running else {}
