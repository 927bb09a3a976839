"""A sealed file as engines read it: by its path, or by a descriptor where there is no path to it any more."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import BinaryIO, Literal, Protocol


class Sealed(Protocol):
    """What engines ask of a sealed file. A path is one."""

    def open(self, mode: Literal["rb"]) -> BinaryIO:
        """The file, to be read from its start."""
        ...

    def read_bytes(self) -> bytes:
        """All of it."""
        ...

    def stat(self) -> os.stat_result:
        """Its status."""
        ...


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A sealed file that is open already. Its readers share one position, so there is one at a time."""

    descriptor: int

    def open(self, mode: Literal["rb"]) -> BinaryIO:
        """The file, to be read from its start."""
        again = os.dup(self.descriptor)
        os.lseek(again, 0, os.SEEK_SET)
        return os.fdopen(again, mode)

    def read_bytes(self) -> bytes:
        """All of it."""
        with self.open("rb") as file:
            return file.read()

    def stat(self) -> os.stat_result:
        """Its status."""
        return os.fstat(self.descriptor)
