"""A year that is not over yet, kept in a file, so that it can be gone on with."""

from __future__ import annotations

import copyreg
import pickle
from collections.abc import Callable
from pathlib import Path

import pysequoia

from tests.term.year import Year


def _key_of(data: bytes) -> pysequoia.Tsk:
    return pysequoia.Tsk.from_bytes(data)


def _as_bytes(key: pysequoia.Tsk) -> tuple[Callable[[bytes], pysequoia.Tsk], tuple[bytes]]:
    return _key_of, (bytes(key),)


def keep(year: Year, place: Path) -> None:
    """Write down a year; its keys are of nobody."""
    copyreg.pickle(pysequoia.Tsk, _as_bytes)
    place.write_bytes(pickle.dumps(year))


def load(place: Path) -> Year:
    """The year that was written down there."""
    found = pickle.loads(place.read_bytes())
    assert isinstance(found, Year)
    return found
