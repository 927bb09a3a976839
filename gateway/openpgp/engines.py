"""Which engine opens sealed files: `promise` says what each of them has to keep."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from gateway.errors import ConfigurationError
from gateway.home.settings import ProcessorSettings
from gateway.openpgp.promise import Opener

ProgramFile = tuple[str, int, int, int]
"""What tells a program from another in its place, such as a newer one."""
_proved: set[ProgramFile] = set()


def prove_program(settings: ProcessorSettings) -> None:
    """ConfigurationError where the SOP program that would be used does not prove itself: see `self_test`.

    Fault where it cannot be asked. Nothing where none is used, or none is there.
    """
    program = _program(settings)
    if program is not None:
        _prove(program)


def _prove(program: str) -> None:
    """The same for this program; it is asked once for as long as its file stays the same."""
    file = _file(program)
    if file not in _proved:
        from gateway.openpgp import self_test  # noqa: PLC0415 - few have to ask

        self_test.check(program)
        if file is not None:
            _proved.add(file)


def proved_program(settings: ProcessorSettings) -> ProgramFile | None:
    """The file of the SOP program that would be used, where it has proved itself to this process."""
    file = program_file(settings)
    return file if file in _proved else None


def believe(file: ProgramFile) -> None:
    """Do not ask this program again: it has proved itself to whoever started this process."""
    _proved.add(file)


def program_file(settings: ProcessorSettings) -> ProgramFile | None:
    """The file of the SOP program that would be used. None where none is used, or none is there."""
    program = _program(settings)
    return None if program is None else _file(program)


def _file(program: str) -> ProgramFile | None:
    try:
        file = Path(program).stat()
    except FileNotFoundError:  # It is being replaced.
        return None
    return program, file.st_ino, file.st_size, file.st_mtime_ns


def _program(settings: ProcessorSettings) -> str | None:
    return shutil.which(settings.sop_program) if settings.engine != "embedded" else None


def find_opener(settings: ProcessorSettings, secret_keys: Sequence[Path | bytes]) -> Opener:
    """The engine that the settings ask for; by itself, a SOP program if there is one, save for small files.

    `secret_keys` are keys, or files that hold one, not under a passphrase. ConfigurationError where
    the program is missing or a key cannot be used; and, when it is first needed, where the program does
    not prove itself: see `self_test`.
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
            return sop  # A key that only the program can read.
    if settings.engine == "sop":
        raise ConfigurationError(
            f"gateway.toml: processor.sop_program: {settings.sop_program} is not on the PATH"
        )
    return EmbeddedOpener(secret_keys)
