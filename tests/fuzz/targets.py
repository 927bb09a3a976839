"""What is fuzzed: for each parser that strangers reach, a function of bytes that raises only for a defect.

`SEEDS` begin the corpus of each. What a parser may raise on purpose is caught here.
"""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from gateway.errors import GatewayError
from gateway.home import Spool
from gateway.intake.paths import canonical, checked_name, place_of
from gateway.log.checkpoint import CheckpointError, LogKey, VerifierKey, checkpoint, read_checkpoint
from gateway.log.leaf import read_event
from gateway.ssh.answers import Declined
from gateway.verify.verify_receipts import Unproved, check_receipt, keys_in
from gateway.zones.sealing import is_public, is_sealed, looks_like, mended, needs_mending
from gateway.zones.spool import BadFileError, read_handed_over

_REFERENCE = "261130-oak-ABCDE"
_SPOOL = Spool(Path(tempfile.mkdtemp(prefix="fuzz-")))
_SPOOL.landed.mkdir()
atexit.register(shutil.rmtree, _SPOOL.root)
_KEY = LogKey.load(LogKey.generate())
_ORIGIN = "test.invalid/log"
_VKEY = _KEY.vkey(_ORIGIN)


def content(data: bytes) -> None:
    """A file's content, as the classifier reads it."""
    from tests.classify.fuzz_classify import check  # noqa: PLC0415 - it loads every reader

    check(data)


def _files() -> Sequence[bytes]:
    from tests.classify.fuzz_classify import SEEDS  # noqa: PLC0415 - as above

    return SEEDS


def path(data: bytes) -> None:
    """A path of an SFTP request: it is declined, or its canonical form means the same place."""
    with suppress(Declined):
        place_of(data)
        spelled = canonical(data)
        assert spelled.startswith(b"/")
        assert b".." not in spelled.split(b"/")
        assert canonical(spelled) == spelled
    with suppress(Declined, UnicodeDecodeError):
        checked_name(data.decode(), 255)


def start(data: bytes) -> None:
    """The first bytes of an upload: is it sealed, a key, or in the clear?"""
    if is_sealed(data):
        assert is_public(data)  # Where keys go, sealed files may go, too.
    looks_like(data, whole=True)
    if needs_mending(data):
        mended(data)


def record(data: bytes) -> None:
    """What intake hands over with an upload, as the inside reads it."""
    (_SPOOL.landed / f"{_REFERENCE}.json").write_bytes(data)
    with suppress(BadFileError):
        read_handed_over(_SPOOL, _REFERENCE)


def head(data: bytes) -> None:
    """A signed head, and a verifier key, from a witness."""
    text = data.decode("utf-8", "replace")
    with suppress(CheckpointError):
        read_checkpoint(text, [_VKEY])
    with suppress(CheckpointError, UnicodeEncodeError):
        assert str(VerifierKey.read(text)) == text.strip()


def receipt(data: bytes) -> None:
    """A receipt, or a list of keys, that somebody shows to the verifier."""
    text = data.decode("utf-8", "replace")
    with suppress(Unproved):
        check_receipt(text, _VKEY)
    with suppress(Unproved):
        keys_in(text)


def entry(data: bytes) -> None:
    """An entry of an exported log."""
    with suppress(ValueError, GatewayError, RecursionError):
        read_event(json.loads(data))


_HEAD = checkpoint(_ORIGIN, 7, b"\1" * 32, _KEY).encode()
_EVENT = b'{"at":"2026-11-24T10:00:00Z","fields":{},"kind":"landed","sequence":1,"subject":"x","version":1}'
_SIGNED = b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n"
_SEALED = [bytes([0xC1, 0x0D, 0x03]) + bytes(16), b"-----BEGIN PGP MESSAGE-----\n\nwcDMA\n"]
TARGETS: dict[str, tuple[Callable[[bytes], None], Callable[[], Sequence[bytes]]]] = {
    "content": (content, _files),
    "path": (path, lambda: [b"/in/core.xml.gpg", b"/keys/../in/./a", "/in/é\u202e".encode(), b"\xff/..//x"]),
    "start": (start, lambda: [*_SEALED, b"UPN,Surname\r\nA1,x", "<x/>".encode("utf-16"), b"PK\3\4"]),
    "record": (
        record,
        lambda: [b'{"reference":"261124-oak-7K2MX","provider":"oak","name":"a","size":1}', b"[]"],
    ),
    "head": (head, lambda: [_HEAD, _VKEY.encode(), _HEAD + _HEAD]),
    "receipt": (
        receipt,
        lambda: [
            b'{"checkpoint":"","leaf":"","index":0,"proof":[]}',
            b"-----BEGIN PGP SIGNED MESSAGE-----\n",
        ],
    ),
    "entry": (entry, lambda: [_EVENT, _EVENT.replace(b"{}", b'{"bytes":1}')]),
}
