"""Which of the keys that are published for a provider log it in at the web door."""

from __future__ import annotations

import base64
import struct
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.home import Published
from gateway.intake.web_sessions import passkeys_of

KIND = "sk-ecdsa-sha2-nistp256@openssh.com"
WHOLE, SHORT = PublicFormat.UncompressedPoint, PublicFormat.CompressedPoint


def line(curve: ec.EllipticCurve, form: PublicFormat, host: str) -> str:
    """A passkey as authorized_keys has it."""
    point = ec.generate_private_key(curve).public_key().public_bytes(Encoding.X962, form)
    parts = (KIND, curve.name.replace("secp", "nistp").removesuffix("r1"), point, f"ssh:{host}")
    packed = [one.encode() if isinstance(one, str) else one for one in parts]
    return (
        f"{KIND} {base64.b64encode(b''.join(struct.pack('>I', len(one)) + one for one in packed)).decode()}"
    )


@pytest.mark.parametrize(
    ("curve", "form", "host", "is_one"),
    [
        (ec.SECP256R1(), WHOLE, "drop.example", True),
        (ec.SECP256R1(), WHOLE, "evil.example", False),
        (ec.SECP256R1(), SHORT, "drop.example", False),
        (ec.SECP384R1(), WHOLE, "drop.example", False),
    ],
)
def test_a_passkey_is_of_this_host_and_has_a_whole_point_of_the_one_curve(
    tmp_path: Path, curve: ec.EllipticCurve, form: PublicFormat, host: str, is_one: bool
) -> None:
    published = Published(tmp_path)
    keys = published.provider("oak") / "authorized_keys"
    keys.parent.mkdir(parents=True)
    keys.write_text(f"ssh-ed25519 AAAA\n{line(curve, form, host)}\n")
    found = list(passkeys_of(published, "oak", "drop.example"))
    assert len(found) == is_one
    assert list(passkeys_of(published, "elm", "drop.example")) == []
    assert list(passkeys_of(published, "../oak", "drop.example")) == []
