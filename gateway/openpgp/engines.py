"""Choose the engine for opening sealed files, and prove a SOP program before it is used."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from gateway.errors import ConfigurationError
from gateway.home.settings import ProcessorSettings
from gateway.openpgp.interface import Opener

ProgramFile = tuple[str, int, int, int]
"""Path, inode, size and time of change of a program, which an upgrade changes."""
_proved: set[ProgramFile] = set()


def prove_program(settings: ProcessorSettings) -> None:
    """Raise ConfigurationError if the SOP program in use fails the `self_test`.
    Fault if the program cannot be run. Does nothing without a program.
    """
    if (program := _program(settings)) is not None:
        _prove(program)


def usable(settings: ProcessorSettings) -> ProcessorSettings:
    """Return the settings; those of the embedded engine instead if the SOP program fails the `self_test`.
    ConfigurationError if the settings demand the program. Fault if the program cannot be run.
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
        from gateway.openpgp import self_test  # noqa: PLC0415 - few have to ask

        self_test.check(program)
        if file is not None:
            _proved.add(file)


def proved_program(settings: ProcessorSettings) -> ProgramFile | None:
    """Return the file of the SOP program in use, if already proved in this process."""
    file = program_file(settings)
    return file if file in _proved else None


def believe(file: ProgramFile) -> None:
    """Mark a program as proved, because the parent process has proved it."""
    _proved.add(file)


def program_file(settings: ProcessorSettings) -> ProgramFile | None:
    """Return the SOP program in use; None without one."""
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
