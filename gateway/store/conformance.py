"""Test if an S3 store keeps the promises of S3: several implementations break some silently.

All tests work below probe/, and clean up afterwards.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import obstore
from obstore.store import S3Store

from gateway.store.objects import ObjectStore, as_os_error

_AT_ONCE, _PART_BYTES = 8, 5 * 1024**2
_FIRST, _SECOND, _NOTE = b"the first", b"the second", "noted"


def faults_of(store: ObjectStore, *, overwrites_alone: bool = False) -> Iterator[str]:
    """Test an S3 store; yield a sentence for each fault. OSError without an answer.

    `overwrites_alone`: test only if it overwrites objects wrongly.
    """
    probe = _Probe(store.client, f"probe/{secrets.token_hex(8)}")
    further = (probe.races, probe.ranges, probe.notes, probe.parts, probe.removes)
    try:
        for tried in (probe.overwrites, *(() if overwrites_alone else further)):
            if fault := tried():
                yield fault
    finally:
        with as_os_error():
            obstore.delete(probe.client, probe.paths())


@dataclass(frozen=True, slots=True)
class _Probe:
    """Tests of one S3 store; each method runs one test, and returns a sentence on the fault or None."""

    client: S3Store
    folder: str

    def paths(self) -> list[str]:
        """Return the paths of all objects that the tests made."""
        with as_os_error():
            return [found["path"] for page in obstore.list(self.client, self.folder) for found in page]

    def overwrites(self) -> str | None:
        """Test conditional creation (If-None-Match: *); return the fault as a sentence, or None."""
        self._create("one", _FIRST)
        if self._creates("one", _SECOND) or self._content("one") != _FIRST:
            return (
                "it overwrites an object that it was asked to create only if there is none "
                "(If-None-Match: *), and says nothing: a file could take the place of another"
            )
        return None

    def races(self) -> str | None:
        """Test that exactly one of several simultaneous creators of an object succeeds; return the fault."""
        with ThreadPoolExecutor(_AT_ONCE, "probe") as pool:
            won = list(pool.map(lambda n: self._creates("race", b"%d" % n), range(_AT_ONCE)))
        if won.count(True) != 1:
            return (
                f"of {_AT_ONCE} who created one object at the same time {won.count(True)} were told they did"
            )
        return None

    def ranges(self) -> str | None:
        """Test that a part of an object can be read; return the fault as a sentence, or None."""
        self._create("range", _FIRST)
        try:
            with as_os_error():
                part = bytes(obstore.get_range(self.client, self._path("range"), start=4, end=9))
        except OSError:
            return "it does not give a part of an object (Range)"
        return None if part == _FIRST[4:9] else "it gives another part of an object than was asked (Range)"

    def notes(self) -> str | None:
        """Test that an object is returned with its metadata; return the fault as a sentence, or None."""
        self._create("note", _FIRST)
        with as_os_error():
            found = obstore.get(self.client, self._path("note"))
            said, content = found.attributes.get("sha256"), bytes(found.bytes())
        if (said, content) != (_NOTE, _FIRST):
            return (
                "it loses what is noted beside an object (x-amz-meta-): what is damaged in it is found late"
            )
        return None

    def parts(self) -> str | None:
        """Test an upload in parts; return the fault as a sentence, or None."""
        parts = [os.urandom(_PART_BYTES), _SECOND]
        with as_os_error():
            obstore.put(
                self.client, self._path("parts"), iter(parts), use_multipart=True, chunk_size=_PART_BYTES
            )
        if hashlib.sha256(self._content("parts")).digest() != hashlib.sha256(b"".join(parts)).digest():
            return "what was put in parts comes back altered"
        return None

    def removes(self) -> str | None:
        """Test listing after creation, and absence after removal; return the fault as a sentence, or None."""
        self._create("gone", _FIRST)
        path = self._path("gone")
        if path not in self.paths():
            return "it does not list at once what was made"
        with as_os_error():
            obstore.delete(self.client, [path, self._path("never")])
        if path in self.paths() or not self._creates("gone", _SECOND):
            return "what was removed is still there"
        return None

    def _create(self, name: str, content: bytes) -> None:
        with as_os_error():
            attributes = {"sha256": _NOTE}
            obstore.put(self.client, self._path(name), content, mode="create", attributes=attributes)

    def _creates(self, name: str, content: bytes) -> bool:
        try:
            self._create(name, content)
        except FileExistsError:
            return False
        return True

    def _content(self, name: str) -> bytes:
        with as_os_error():
            return bytes(obstore.get(self.client, self._path(name)).bytes())

    def _path(self, name: str) -> str:
        return f"{self.folder}/{name}"
