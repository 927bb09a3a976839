"""Choose the engine for opening sealed files, and test the abilities of engines.

A SOP program (Stateless OpenPGP) is tested by `self_test` before the first use, and then called proved.
"""

import os
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from pysequoia import CipherSuite, Profile, Tsk, encrypt

from gateway.errors import ConfigurationError, Fault, Refusal
from gateway.home.settings import OpenLimits, ProcessorSettings
from gateway.openpgp.interface import Opener, OpenFile
from gateway.zones.memory import closing_descriptor, in_memory

ProgramFile = tuple[str, int, int, int]
"""Path, inode, size and time of change of a program, which an upgrade changes."""
_proved: set[ProgramFile] = set()


def prove_program(settings: ProcessorSettings) -> None:
    """Test the SOP program in use, if any. ConfigurationError if the program fails the `self_test`.
    Fault if the program cannot be run.
    """
    if (program := _program(settings)) is not None:
        _prove(program)


def usable(settings: ProcessorSettings) -> ProcessorSettings:
    """Return the settings, changed to the embedded engine if the SOP program fails the `self_test`.
    ConfigurationError if the program fails and the settings demand it. Fault if the program cannot be run.
    """
    try:
        prove_program(settings)
    except ConfigurationError:
        if settings.engine == "sop":
            raise
        return settings.model_copy(update={"engine": "embedded"})
    return settings


def _prove(program: str) -> None:
    """Run the self-test of a program, unless already passed by the unchanged program file."""
    file = _file(program)
    if file not in _proved:
        from gateway.openpgp import self_test  # noqa: PLC0415 - few processes test a program

        self_test.check(program)
        if file is not None:
            _proved.add(file)


def proved_program(settings: ProcessorSettings) -> ProgramFile | None:
    """Return the file of the SOP program in use; None if there is none, or not proved in this process."""
    file = program_file(settings)
    return file if file in _proved else None


def mark_proved(file: ProgramFile) -> None:
    """Mark a program as proved, as the parent process has proved the program."""
    _proved.add(file)


def program_file(settings: ProcessorSettings) -> ProgramFile | None:
    """Return the file of the SOP program in use; None if there is none, or the file is being replaced."""
    program = _program(settings)
    return None if program is None else _file(program)


def _file(program: str) -> ProgramFile | None:
    try:
        file = Path(program).stat()
    except FileNotFoundError:  # Being replaced.
        return None
    return program, file.st_ino, file.st_size, file.st_mtime_ns


def _program(settings: ProcessorSettings) -> str | None:
    return shutil.which(settings.sop_program) if settings.engine != "embedded" else None


def find_opener(settings: ProcessorSettings, secret_keys: Sequence[Path | bytes]) -> Opener:
    """Return the engine chosen by the settings, with the gateway's secret keys.
    By default, an installed SOP program opens large files, and the embedded engine all others. `secret_keys`
    are keys, or files holding one, without a passphrase. ConfigurationError for a missing program, an
    unusable key, or, at the first use, a program failing the `self_test`.
    """
    from gateway.openpgp.embedded import (  # noqa: PLC0415 - loading all of it costs 0.2 s
        BySizeOpener,
        EmbeddedOpener,
    )
    from gateway.openpgp.sop import SopOpener  # noqa: PLC0415

    program = _program(settings)
    if program is not None:
        sop = SopOpener(program, secret_keys, _prove)
        if settings.engine == "sop":
            return sop
        try:
            return BySizeOpener(EmbeddedOpener(secret_keys), sop)
        except ConfigurationError:
            return sop  # A key readable only by the program.
    if settings.engine == "sop":
        missing = f"{settings.sop_program} is not on the PATH"
        raise ConfigurationError(f"gateway.toml: processor.sop_program: {missing}")
    return EmbeddedOpener(secret_keys)


# RFC 9980 defines signatures resistant to quantum computers. Support depends on an engine's version and
# build, and engines do not report it: they are tested with messages made for the test. A key unverifiable by
# one engine is not enrolled, because every file signed by the key would be refused.

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
    return frozenset(kind for kind in SIGNING if all(_verifies(engine, kind) for engine in engines))


class VerifiedKinds:
    """The post-quantum kinds of keys that every engine in use verifies, as a set; a kind is tested when first
    asked for.
    """

    def __init__(self, settings: ProcessorSettings) -> None:
        self._settings = settings

    def __contains__(self, kind: object) -> bool:
        """Return True if every engine verifies signatures by keys of a kind."""
        return kind in verified(self._settings)


@lru_cache(maxsize=32)
def _verifies(engine: ProgramFile | None, kind: str) -> bool:
    """Return True if a program, or the embedded engine (None), opens a message signed by a kind of key."""
    ordinary = Tsk.generate("ordinary", profile=Profile.RFC4880)
    asked = Tsk.generate("asked", profile=Profile.RFC9580, cipher_suite=getattr(CipherSuite, kind))
    return _opens(engine, asked, ordinary)


def _opens(engine: ProgramFile | None, sender: Tsk, reader: Tsk) -> bool:
    """Return True if the engine opens a message signed by `sender` and sealed to `reader`."""
    readers, signer = [reader.extract_certificate()], sender.signer()
    message = encrypt(bytes=_CONTENT, recipients=readers, signer=signer, armor=False)
    asked = {"engine": "embedded"} if engine is None else {"engine": "sop", "sop_program": engine[0]}
    with closing_descriptor(in_memory(message)) as sealed:
        try:
            opener = find_opener(ProcessorSettings.model_validate(asked), [bytes(reader)])
            senders = [bytes(sender.extract_certificate())]
            opened = opener.open(OpenFile(sealed), senders, _LIMITS, datetime.now(UTC))
        except (ConfigurationError, Fault, Refusal):
            return False
    with closing_descriptor(opened.content) as content:
        return os.pread(content, len(_CONTENT) + 1, 0) == _CONTENT
