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
        succession = secret_files.succession_file(home, key.fingerprint)
        word = succession.read_text("utf-8") if succession.exists() else None
        for path, text in ((f"{name}.asc", key.material), (f"{name}-succession.asc", word)):
            if text is None or key.state == "revoked":
                (folder / path).unlink(missing_ok=True)
            else:
                replace_published(folder / path, text)
    hosts = home.keys / "hosts.asc"
    if hosts.exists():
        replace_published(folder / "gateway-hosts.asc", hosts.read_text("utf-8"))
