"""Publish the gateway's own OpenPGP keys for providers.

In /keys a provider finds `gateway.asc`, the certificate to encrypt to; `gateway-succession.asc`, the
previous key's signed statement naming its successor; and for each earlier key still valid or used for
receipts, `gateway-FINGERPRINT.asc` and its own succession.
"""

from __future__ import annotations

from gateway.home import Home
from gateway.publish.projection import replace_published
from gateway.registry import keys
from gateway.registry.database import Registry
from gateway.secrets import secret_files

_SHOWN_DIGITS = 16


def publish_gateway_keys(home: Home, registry: Registry) -> None:
    """Write the gateway's certificates and successions for every provider. Idempotent."""
    folder = home.published.common / "keys"
    current = secret_files.signing_fingerprint(home)
    with registry.read() as session:
        known = [key for key in keys.list_keys(session, "gateway", "gateway") if key.kind == "openpgp"]
    for key in known:
        name = "gateway" if key.fingerprint == current else f"gateway-{key.fingerprint[:_SHOWN_DIGITS]}"
        if key.state == "revoked":
            (folder / f"{name}.asc").unlink(missing_ok=True)
            continue
        replace_published(folder / f"{name}.asc", key.material)
        succession = secret_files.succession_file(home, key.fingerprint)
        if succession.exists():
            replace_published(folder / f"{name}-succession.asc", succession.read_text("utf-8"))
    hosts = home.keys / "hosts.asc"
    if hosts.exists():
        replace_published(folder / "gateway-hosts.asc", hosts.read_text("utf-8"))
