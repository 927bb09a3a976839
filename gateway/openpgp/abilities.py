"""Test which post-quantum signatures the engines in use verify, with messages made for the test.

RFC 9980 defines signatures resistant to quantum computers. Support depends on an engine's version and build,
and engines do not report it. A key unverifiable by one engine is not enrolled, because every file signed by
the key would be refused.
"""

import os
from datetime import UTC, datetime
from functools import lru_cache

from pysequoia import CipherSuite, Profile, Tsk, encrypt

from gateway.errors import ConfigurationError, Fault, Refusal
from gateway.home.settings import OpenLimits, ProcessorSettings
from gateway.openpgp.embedded import EmbeddedOpener
from gateway.openpgp.engines import ProgramFile, program_file, usable
from gateway.openpgp.interface import Opener, OpenFile
from gateway.openpgp.sop import SopOpener
from gateway.zones.memory import anonymous_memory

SIGNING = ("MLDSA65_Ed25519", "MLDSA87_Ed448")
"""Kinds of signing keys that not every engine verifies."""
_CONTENT = b"A message by which an engine shows what it can do.\n"
_LIMITS = OpenLimits(seconds=20, content_bytes=1024**2)


def verified(settings: ProcessorSettings) -> frozenset[str]:
    """Return the post-quantum kinds of signing keys for which every engine in use verifies signatures."""
    settings = usable(settings)
    program = program_file(settings)
    asked = [] if program is None else [program]
    engines: list[ProgramFile | None] = [*asked, *([] if settings.engine == "sop" else [None])]
    return frozenset(kind for kind in SIGNING if all(_does(engine, kind) for engine in engines))


class VerifiedKinds:
    """Set of the post-quantum kinds of keys every engine in use verifies, tested when first asked."""

    def __init__(self, settings: ProcessorSettings) -> None:
        self._settings = settings

    def __contains__(self, kind: object) -> bool:
        """Return True if every engine verifies signatures by keys of a kind."""
        return kind in verified(self._settings)


@lru_cache(maxsize=32)
def _does(engine: ProgramFile | None, kind: str) -> bool:
    """Return True if a program, or the embedded engine (None), opens a message signed by a kind of key."""
    ordinary = Tsk.generate("ordinary", profile=Profile.RFC4880)
    asked = Tsk.generate("asked", profile=Profile.RFC9580, cipher_suite=getattr(CipherSuite, kind))
    return _opens(engine, asked, ordinary)


def _opens(engine: ProgramFile | None, sender: Tsk, reader: Tsk) -> bool:
    descriptor = anonymous_memory("sample")
    try:
        readers = [reader.extract_certificate()]
        sealed = encrypt(bytes=_CONTENT, recipients=readers, signer=sender.signer(), armor=False)
        os.write(descriptor, sealed)
        keys, senders = [bytes(reader)], [bytes(sender.extract_certificate())]
        opener: Opener = EmbeddedOpener(keys) if engine is None else SopOpener(engine[0], keys)
        opened = opener.open(OpenFile(descriptor), senders, _LIMITS, datetime.now(UTC))
    except (ConfigurationError, Fault, Refusal):
        return False
    finally:
        os.close(descriptor)
    try:
        return os.pread(opened.content, len(_CONTENT) + 1, 0) == _CONTENT
    finally:
        os.close(opened.content)
