"""A sealed file for engines: by path, or by descriptor after its path is gone."""

import os
from dataclasses import dataclass
from typing import BinaryIO, Literal, Protocol


class Sealed(Protocol):
    """The interface of a sealed file for engines; satisfied by a path."""

    def open(self, mode: Literal["rb"]) -> BinaryIO:
        """Open the file for reading from the start."""
        ...

    def read_bytes(self) -> bytes:
        """Return the whole file."""
        ...

    def stat(self) -> os.stat_result:
        """Return the file's status."""
        ...


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A sealed file already open. All readers share one position, so read one at a time."""

    descriptor: int

    def open(self, mode: Literal["rb"]) -> BinaryIO:
        """Open the file for reading from the start."""
        again = os.dup(self.descriptor)
        os.lseek(again, 0, os.SEEK_SET)
        return os.fdopen(again, mode)

    def read_bytes(self) -> bytes:
        """Return the whole file."""
        with self.open("rb") as file:
            return file.read()

    def stat(self) -> os.stat_result:
        """Return the file's status."""
        return os.fstat(self.descriptor)
