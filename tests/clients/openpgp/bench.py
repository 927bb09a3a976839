"""A gateway's keys and both its engines: what they make of a key and of a file that some program made."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Protocol

from gateway.errors import GatewayError, Refusal
from gateway.home.settings import OpenLimits
from gateway.model import GatewayKeyKind
from gateway.openpgp.certificates import Certificate, admit
from gateway.openpgp.embedded import EmbeddedOpener
from gateway.openpgp.interface import Opener
from gateway.openpgp.judge import SigningKeyEnded
from gateway.openpgp.sealer import certificate_of, clearsign, generate_gateway_key, seal
from gateway.openpgp.sop import SopOpener

CONTENT = b"UPN,Surname,Forename\r\nT999000100001,Sample,Sam\r\n" * 20
RECEIPT = "Receipt\n\n- accepted: 20 rows\nfrom -dashes and \u00fcmlauts\n"
SECONDS = 120.0
TOLD = "open"


class CannotDo(Exception):  # noqa: N818 - reads as what happened
    """A program did not do what it was asked; the text is the last thing that it said."""


class Party(Protocol):
    """Somebody with one program and a key of their own. Each act raises CannotDo where it does not work."""

    certificate: bytes

    def seal(self, content: Path, to: Path, *how: str) -> bytes:
        """`content` signed and encrypted to the certificate in the file `to`, with options `how`."""
        ...

    def read(self, signed: Path, by: Path) -> bytes:
        """The text of a receipt, once its signature by the certificate in `by` was found good."""
        ...

    def open(self, sealed: Path, by: Path) -> bytes:
        """The content of a file that was sealed to this party and signed by the certificate in `by`."""
        ...


MakesParty = Callable[[Path, str, "Bench"], Party]


@dataclass(frozen=True, slots=True)
class Gateway:
    """One key of a gateway, and both engines with it."""

    secret: bytes
    certificate: Path
    engines: tuple[Opener, Opener]


class Bench:
    """Gateways with a key of each kind, a file to send and a receipt to read, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.gateways = {kind.value: self._gateway(kind) for kind in GatewayKeyKind}
        self.content = folder / "pupils.csv"
        self.content.write_bytes(CONTENT)
        self._sealed = folder / "sealed"

    def _gateway(self, kind: GatewayKeyKind) -> Gateway:
        secret = _secret(kind)
        path = self.folder / f"gateway-{kind.value}.asc"
        path.write_bytes(certificate_of(secret))
        program = shutil.which("sqop") or "sqop"
        return Gateway(secret, path, (EmbeddedOpener([secret]), SopOpener(program, [secret])))

    def enrolled(self, certificate: bytes) -> Certificate:
        """What an administrator sees of a key. Refusal where it cannot be enrolled."""
        return admit(certificate, datetime.now(UTC))

    def verdicts(self, gateway: str, sealed: bytes, sender: bytes, at: datetime | None = None) -> list[str]:
        """What each engine says of a file: `open`, or the code by which it refuses it or lets it wait."""
        self._sealed.write_bytes(sealed)
        return [self._verdict(engine, sender, at) for engine in self.gateways[gateway].engines]

    def _verdict(self, engine: Opener, sender: bytes, at: datetime | None) -> str:
        try:
            opened = engine.open(self._sealed, [sender], OpenLimits(), at or datetime.now(UTC))
        except SigningKeyEnded as waits:
            os.close(waits.opened.content)
            return waits.code
        except Refusal as refusal:
            return refusal.code
        except GatewayError as error:
            return f"a fault of ours: {error}"
        with os.fdopen(opened.content, "rb") as content:
            return TOLD if content.read() == CONTENT else "another content"

    def receipt(self, gateway: str) -> Path:
        """A receipt, signed as receipts are."""
        path = self.folder / "receipt.txt"
        path.write_text(clearsign(self.gateways[gateway].secret, RECEIPT), "utf-8")
        return path

    def sealed_to(self, certificate: bytes, gateway: str) -> Path:
        """A file that the gateway seals to a provider."""
        path = self.folder / "for-you.pgp"
        path.write_bytes(seal(CONTENT, [certificate], self.gateways[gateway].secret))
        return path


@cache
def _secret(kind: GatewayKeyKind) -> bytes:
    """One key of each kind serves for all: those of RSA take seconds to make."""
    return generate_gateway_key(f"Somerset {kind.value}", datetime.now(UTC).replace(microsecond=0), kind)


def run(command: Sequence[str | Path], given: bytes = b"", *, home: Path) -> bytes:
    """What a program writes to its output. CannotDo where it fails."""
    done = subprocess.run(
        [str(part) for part in command], input=given, capture_output=True, timeout=SECONDS, check=False,
        env={**os.environ, "HOME": str(home), "GNUPGHOME": str(home), "LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    if done.returncode:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
        raise CannotDo(next((line.strip() for line in reversed(said) if line.strip()), "nothing"))
    return done.stdout
