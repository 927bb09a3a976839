"""Who is in a file: taken in the isolated child, made keyed digests in the service that asked.

So the registry can tell which files hold a child, and nobody without the key can tell whether a given child
is in any. Whoever has a UPN is known by that and by the former one; who has none, by name and date of birth.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import BinaryIO

from gateway.classify.identifiers import is_upn
from gateway.classify.person_names import name_keys
from gateway.classify.value_kinds import read_date

PERSONS = 400_000
"""More persons than a file may have indexed; of those beyond the log of the service tells."""
DIGEST = 16
_LENGTH, _PIECE = 13, 1024**2
_NUMBER = re.compile(rb"[A-HJ-NP-RT-Z][0-9]{11}[0-9A-HJ-NP-RT-Z]")


class PersonTaker:
    """Takes who is in a file while it is read: to be called as `classify` calls `on_person`."""

    def __init__(self) -> None:
        self.numbers: set[str] = set()
        self.names: set[str] = set()
        self.left_out = 0

    def __call__(self, upn: str, values: Mapping[str, str]) -> None:
        """One record."""
        former = values.get("former-upn")
        if former:
            self._number(former.strip().upper())
        if not self._number(upn):
            self._name(values)

    def _number(self, upn: str) -> bool:
        """Take a UPN; whether it is one."""
        if upn in self.numbers:
            return True
        if not upn or not is_upn(upn):
            return False
        if self._has_room():
            self.numbers.add(upn)
        return True

    def _name(self, values: Mapping[str, str]) -> None:
        born = read_date(values.get("birth-date", ""))
        found = name_keys(
            values.get("surname", ""), values.get("forename", ""), values.get("full-name", ""), born
        )
        if not found <= self.names and self._has_room():
            self.names |= found

    def _has_room(self) -> bool:
        if len(self.numbers) + len(self.names) < PERSONS:
            return True
        self.left_out += 1
        return False

    def scan(self, content: BinaryIO) -> None:
        """Take the UPNs that stand as text in what nobody could read as records."""
        content.seek(0)
        before = b""
        while piece := content.read(_PIECE):
            # Without the empty octets, text in two octets a character reads like any other.
            text = before + piece.replace(b"\0", b"").upper()
            for found in _NUMBER.finditer(text):
                self._number(found[0].decode("ascii"))
            before = text[1 - _LENGTH :]


def persons_digested(numbers: Iterable[str], names: Iterable[str], key: bytes) -> bytes:
    """The digests of persons under `key`, each once, sorted, one behind the other."""
    return b"".join(sorted(person_digests(numbers, names, key)))


def person_digests(numbers: Iterable[str], names: Iterable[str], key: bytes) -> frozenset[bytes]:
    """The digests of persons under `key`."""
    return frozenset(
        {number_digest(number, key) for number in numbers} | {_digest(key, b"name", one) for one in names}
    )


def number_digest(upn: str, key: bytes) -> bytes:
    """The digest of a UPN, as rolls have it too."""
    return _digest(key, b"pupil", upn)


def name_digests(surname: str, forename: str, born: date, key: bytes) -> frozenset[bytes]:
    """The digests of a name; none where no letter is in one of its parts."""
    return frozenset(_digest(key, b"name", one) for one in name_keys(surname, forename, "", born))


def _digest(key: bytes, what: bytes, text: str) -> bytes:
    return hmac.digest(key, what + b"\0" + text.encode(), "sha256")[:DIGEST]
