"""The gateway's certificate is kept as it was compared: no other reader finds another key in what is kept."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime
from pathlib import Path

import pgpy
import pytest
from pysequoia import Cert
from pysequoia.packet import PacketPile, Tag

from gateway.errors import ConfigurationError, GatewayError
from gateway.openpgp.certificates import armored, describe, split
from gateway.openpgp.sealer import certificate_of, generate_gateway_key
from gateway.send import trust
from gateway.send.kit import Kit, KitSettings

NOW = datetime.now(UTC)
GENUINE = certificate_of(generate_gateway_key("The gateway", NOW))
FINGERPRINT = describe(GENUINE, NOW).fingerprint
STRANGERS = certificate_of(generate_gateway_key("A stranger", NOW))


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    made = Kit(tmp_path / "kit")
    made.make()
    made.write_settings(KitSettings(provider="oak", ssh_key=Path("ssh"), openpgp_key=Path("openpgp.asc")))
    return made


def test_a_file_with_two_readings_is_kept_in_the_one_that_was_compared(kit: Kit) -> None:
    """It is UTF-16 with the genuine certificate to one reader, and ASCII with a stranger's to the other."""
    served = GENUINE.decode().encode("utf-16-le") + b"\n\n" + STRANGERS
    assert describe(served, NOW).fingerprint == FINGERPRINT
    assert Cert.from_bytes(served).fingerprint != FINGERPRINT
    trust.trust(kit, served, FINGERPRINT)
    assert [Cert.from_bytes(one).fingerprint for one in split(kit.trusted())] == [FINGERPRINT]
    assert Cert.from_bytes(kit.current_certificate()).fingerprint == FINGERPRINT


def grafted() -> bytes:
    """The genuine certificate with a stranger's subkey, whose binding names the genuine key as its issuer."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        strangers, _ = pgpy.PGPKey.from_blob(STRANGERS)
        genuine, _ = pgpy.PGPKey.from_blob(GENUINE)
    subkey = next(iter(strangers.subkeys.values()))
    binding = next(iter(subkey.__sig__))
    binding._signature.subpackets["Issuer"][-1].issuer = bytearray.fromhex(genuine.fingerprint.keyid)
    packets = [bytes(packet) for packet in PacketPile.from_bytes(GENUINE)]
    tags = [packet.tag for packet in PacketPile.from_bytes(GENUINE)]
    first = tags.index(Tag.PublicSubkey)
    return b"".join([*packets[:first], bytes(subkey._key), bytes(binding), *packets[first:]])


def test_a_subkey_that_the_gateway_never_bound_is_not_encrypted_to(kit: Kit) -> None:
    """PGPy would encrypt to the first subkey that says it may be encrypted to."""
    served = grafted()
    assert describe(served, NOW).fingerprint == FINGERPRINT
    with pytest.raises(GatewayError, match="not the one that you were told"):
        trust.trust(kit, served, FINGERPRINT)
    assert not list(kit.gateway.iterdir())


def test_what_a_kit_of_before_has_kept_is_looked_at_again(kit: Kit) -> None:
    trust.trust(kit, GENUINE, FINGERPRINT)
    assert kit.current_certificate() == armored(GENUINE)
    (kit.gateway / f"{FINGERPRINT}.asc").write_bytes(grafted())
    with pytest.raises(ConfigurationError, match="not the certificate that was compared"):
        kit.current_certificate()
