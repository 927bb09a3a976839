"""Choose the engine for opening sealed files; `Opener` defines the duties of each."""

import shutil
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from gateway.errors import ConfigurationError
from gateway.home.settings import OpenLimits, ProcessorSettings
from gateway.model import Opened
from gateway.openpgp.source import Sealed


# The promise kept by every engine opening a sealed file. `open` returns content only if the file is one
# integrity-protected OpenPGP message, holding exactly one literal, with exactly one valid signature over
# all of it by one of the given senders, made within the time window of the limits. Everything else is a
# named refusal.
class Opener(Protocol):
    """An engine opening sealed files with the gateway's own keys."""

    name: str

    def open(
        self,
        sealed: Sealed,
        senders: Sequence[bytes],
        limits: OpenLimits,
        now: datetime,
        into: int | None = None,
    ) -> Opened:
        """Return the content of `sealed`, signed by one of the certificates `senders` (armored or binary).

        Refusal, with a code of `gateway.reasons`, for a faulty file; Fault for a failure of the gateway. The
        caller closes `Opened.content`. With `into`, an empty memfd readable by others while filling, the
        content is there if it came in one go; its bytes do not count before the return.
        """
        ...

    def reopen(self, sealed: Sealed, sha256: str, limits: OpenLimits, session: bytes | None = None) -> int:
        """Return a descriptor of the content of a file opened before, for the caller to close.

        The signer was settled then, and the certificate may have ended since; now the content must be the
        very same, by its SHA-256. Fault otherwise. With `session`, the result of `session_key` for this file,
        no key of the gateway is needed.
        """
        ...

    def session_key(self, sealed: Sealed, limits: OpenLimits) -> bytes | None:
        """Return the session key of a message in SOP notation, CIPHER:HEX; None if no key fits."""
        ...


ProgramFile = tuple[str, int, int, int]
"""The identity of a program file, changed by an upgrade."""
_proved: set[ProgramFile] = set()


def prove_program(settings: ProcessorSettings) -> None:
    """Raise ConfigurationError if the SOP program in use fails the `self_test`.

    Fault if the program cannot be run. Does nothing without a program.
    """
    program = _program(settings)
    if program is not None:
        _prove(program)


def _prove(program: str) -> None:
    """Test this program, once for as long as its file stays unchanged."""
    file = _file(program)
    if file not in _proved:
        from gateway.openpgp import self_test  # noqa: PLC0415 - few have to ask

        self_test.check(program)
        if file is not None:
            _proved.add(file)


def proved_program(settings: ProcessorSettings) -> ProgramFile | None:
    """Return the file of the SOP program in use, if already proved in this process."""
    file = program_file(settings)
    return file if file in _proved else None


def believe(file: ProgramFile) -> None:
    """Accept a program as proved by the parent process."""
    _proved.add(file)


def program_file(settings: ProcessorSettings) -> ProgramFile | None:
    """Return the file of the SOP program in use; None without one."""
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
    """Return the engine chosen in the settings; by default an installed SOP program, except for small files.

    `secret_keys` are keys, or files holding one, without a passphrase. ConfigurationError for a missing
    program, an unusable key, or, at the first use, a program failing the `self_test`.
    """
    from gateway.openpgp.by_size import BySizeOpener  # noqa: PLC0415 - loading all of it costs 0.2 s
    from gateway.openpgp.embedded import EmbeddedOpener  # noqa: PLC0415
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
        raise ConfigurationError(
            f"gateway.toml: processor.sop_program: {settings.sop_program} is not on the PATH"
        )
    return EmbeddedOpener(secret_keys)
