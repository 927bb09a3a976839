"""Every vector, by both engines, and by other programs for a second opinion."""

import hashlib
import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.errors import Refusal
from gateway.openpgp.embedded import EmbeddedOpener
from gateway.openpgp.opener import Opener
from gateway.openpgp.sop import SopOpener
from tests.openpgp import vectors
from tests.openpgp.vectors import Vector

VECTORS = vectors.every()
SENDERS = {"alice": "gpg-default", "bob": "gpg-rsa3072", "carol": "gpg-p256", "dora": "sqop-default",
           "erin": "pgpy-ed25519", "finn": "sqop-version-6-sender"}  # fmt: skip
ENGINES = [pytest.param("sop", marks=pytest.mark.needs("sqop")), "embedded"]
_KEPT: dict[tuple[str, tuple[Path, ...]], Opener] = {}


def opener(engine: str, keys: list[Path]) -> Opener:
    """The engine for some keys; made once, as a service would."""
    at = (engine, tuple(keys))
    if at not in _KEPT:
        _KEPT[at] = SopOpener(str(shutil.which("sqop")), keys) if engine == "sop" else EmbeddedOpener(keys)
    return _KEPT[at]


def outcome(engine: str, vector: Vector, folder: Path, senders: list[bytes] | None = None) -> str:
    """`open`, or the code of the refusal; what opens is also checked for what it says of itself."""
    sealed = folder / "sealed"
    sealed.write_bytes(vector.data)
    offered = vector.certificates() if senders is None else senders
    try:
        opened = opener(engine, vector.key_files()).open(sealed, offered, vector.limits, vector.at)
    except Refusal as refusal:
        return refusal.code
    with os.fdopen(opened.content, "rb") as content:
        assert content.tell() == 0
        data = content.read()
    assert opened.size == len(data)
    assert opened.sha256 == hashlib.sha256(data).hexdigest()
    assert b"T999000100001,Sample,Sam" in data
    assert data.startswith(b"UPN,")
    assert abs(opened.signature.created_at - vector.at) < timedelta(days=90)
    return "open"


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_verdict(engine, vector, tmp_path):
    assert outcome(engine, vector, tmp_path) == vector.verdict(engine)


def test_there_are_enough_vectors_and_every_verdict_that_is_ours_is_among_them():
    assert len(VECTORS) >= 60
