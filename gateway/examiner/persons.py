"""Persons in a file: collected in the isolated child, turned into keyed digests in the service.

With the digests the registry finds the files about a child; without the key nobody can test for a given
child. A person with a UPN is known by the UPN and the former UPN, others by name and date of birth.
"""

import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import BinaryIO

from gateway.classify.identifiers import is_upn
from gateway.classify.person_names import name_keys
from gateway.classify.value_kinds import read_date

PERSONS = 400_000
"""Most persons indexed per file; the service logs the number left out."""
DIGEST = 16
_LENGTH, _PIECE = 13, 1024**2
_NUMBER = re.compile(rb"[A-HJ-NP-RT-Z][0-9]{11}[0-9A-HJ-NP-RT-Z]")


class PersonTaker:
    """Collect the persons in a file: called by `classify` as `on_person`."""

    def __init__(self) -> None:
        self.numbers: set[str] = set()
        self.names: set[str] = set()
        self.left_out = 0

    def __call__(self, upn: str, values: Mapping[str, str]) -> None:
        """Add the person of one record."""
        former = values.get("former-upn")
        if former:
            self._number(former.strip().upper())
        if not self._number(upn):
            born = read_date(values.get("birth-date", ""))
            found = name_keys(
                values.get("surname", ""), values.get("forename", ""), values.get("full-name", ""), born
            )
            if not found <= self.names and self._has_room():
                self.names |= found

    def _number(self, upn: str) -> bool:
        """Add a UPN; return False where not a valid one."""
        if upn in self.numbers:
            return True
        if not upn or not is_upn(upn):
            return False
        if self._has_room():
            self.numbers.add(upn)
        return True

    def _has_room(self) -> bool:
        if len(self.numbers) + len(self.names) < PERSONS:
            return True
        self.left_out += 1
        return False

    def scan(self, content: BinaryIO) -> None:
        """Collect UPNs found as text in a content without readable records."""
        content.seek(0)
        before = b""
        while piece := content.read(_PIECE):
            # Without empty octets, UTF-16 text reads like any other.
            text = before + piece.replace(b"\0", b"").upper()
            for found in _NUMBER.finditer(text):
                self._number(found[0].decode("ascii"))
            before = text[1 - _LENGTH :]


def persons_digested(numbers: Iterable[str], names: Iterable[str], key: bytes) -> bytes:
    """Return the digests of persons under `key`: distinct, sorted and concatenated."""
    return b"".join(sorted(person_digests(numbers, names, key)))


def person_digests(numbers: Iterable[str], names: Iterable[str], key: bytes) -> frozenset[bytes]:
    """Return the digests of persons under `key`."""
    return frozenset(
        {number_digest(number, key) for number in numbers} | {_digest(key, b"name", one) for one in names}
    )


def number_digest(upn: str, key: bytes) -> bytes:
    """Return the digest of a UPN, as used in rolls too."""
    return _digest(key, b"pupil", upn)


def name_digests(surname: str, forename: str, born: date, key: bytes) -> frozenset[bytes]:
    """Return the digests of a name; none where a part has no letter."""
    return frozenset(_digest(key, b"name", one) for one in name_keys(surname, forename, "", born))


def _digest(key: bytes, what: bytes, text: str) -> bytes:
    return hmac.digest(key, what + b"\0" + text.encode(), "sha256")[:DIGEST]
