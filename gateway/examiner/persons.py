"""Find the persons in a file in the isolated child, and turn them into keyed digests in the service.

By the digests the registry finds the files about a child; without the secret key nobody can compute a digest.
A person with a UPN is indexed by UPN and former UPN, others by name and date of birth.
"""

import hmac
import io
import re
import struct
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from datetime import date
from functools import cache
from itertools import chain
from typing import BinaryIO

from gateway.classify import archive
from gateway.classify.content import BROKEN, decoded_parts
from gateway.classify.identifiers import Pupil, is_temporary_upn, is_upn, name_keys, records_of
from gateway.classify.value_kinds import read_date
from gateway.examiner.protocol import PERSONS, PUPILS
from gateway.model import RollEntry

# A digest is HMAC-SHA-256 under a key of the inside zone, cut to 16 octets. The digest of a date of birth is
# made of the UPN too, so that equal birthdays of two children look different, and is cut to 8 octets.

_ENTRY = struct.Struct(">16s16s8sIB8s")
_BIRTH_DATE = 8
KEY = 32
"""Octets of a key for digests. A key's successor is the key with 32 more octets at its end."""
_ON_ROLL, _HAS_FORMER, _HAS_BIRTH_DATE = 1, 2, 4


class RollCollector:
    """Collector of the pupils of a roll while a file is read; called as the `on_pupils` of `classify`.
    Pupils without a permanent UPN are left out, because other UPNs may change with the school. Of several
    records of a pupil in one school, the last counts.
    """

    def __init__(self) -> None:
        self._said: dict[tuple[str, str], str] = {}

    def __call__(self, pupils: Iterable[Pupil], permanent: AbstractSet[str]) -> None:
        """Add the pupils of some records whose UPN is one of the valid, permanent UPNs in `permanent`."""
        for upn, born, former, on_roll, record, school in pupils:
            if upn in permanent and (len(self._said) < PUPILS or (upn, school) in self._said):
                is_lasting = former is not None and is_upn(former) and not is_temporary_upn(former)
                kept = former if is_lasting else ""
                self._said[upn, school] = f"{upn},{born or ''},{kept},{on_roll:d},{record},{school}"

    def pupils(self) -> str:
        """Return the pupils collected, one per line (`protocol.Pupils`)."""
        return as_lines(self._said.values())


def as_lines(texts: Iterable[str]) -> str:
    """Join texts, each as a line with a line end."""
    return "".join([f"{text}\n" for text in texts])


def digested(pupils: str, key: bytes) -> Iterator[RollEntry]:
    """Convert collected pupils to roll entries, with digests under `key` for UPNs and birth dates."""
    for pupil in pupils.split():
        upn, born, former, on_roll, record, school = pupil.split(",")
        yield RollEntry(
            pupil=_digest(key, b"pupil", upn),
            on_roll=on_roll == "1",
            record=int(record),
            birth_date=_digest(key, b"birth date", f"{upn} {born}", _BIRTH_DATE) if born else None,
            former=_digest(key, b"pupil", former) if former else None,
            school=school,
        )


def packed(entries: Iterable[RollEntry]) -> bytes:
    """Pack the entries of a roll into bytes, 53 octets each."""
    return b"".join(
        _ENTRY.pack(
            pupil,
            former or b"",
            birth_date or b"",
            record,
            _ON_ROLL * on_roll
            + _HAS_FORMER * (former is not None)
            + _HAS_BIRTH_DATE * (birth_date is not None),
            school.encode("ascii"),
        )
        for pupil, on_roll, record, birth_date, former, school in entries
    )


def unpacked(data: bytes) -> Iterator[RollEntry]:
    """Unpack roll entries from bytes. Raises ValueError for data not written by `packed`."""
    if len(data) % _ENTRY.size:
        raise ValueError("not a packed roll")
    spelled = cache(lambda school: school.rstrip(b"\0").decode("ascii"))  # One for many pupils.
    for pupil, former, birth_date, record, flags, school in _ENTRY.iter_unpack(data):
        yield RollEntry(
            pupil,
            bool(flags & _ON_ROLL),
            record,
            birth_date if flags & _HAS_BIRTH_DATE else None,
            former if flags & _HAS_FORMER else None,
            spelled(school),
        )


DIGEST = 16
_NAMES = ("surname", "forename", "full-name")
_LENGTH, _PIECE, _UNPACKED = 13, 1024**2, 64 * 1024**2
_NUMBER = re.compile(rb"[A-HJ-NP-RT-Z][0-9]{11}[0-9A-HJ-NP-RT-Z]")


class PersonCollector:
    """Collector of the persons in a file, by UPN or name; called as the `on_persons` of `classify`."""

    def __init__(self) -> None:
        self.numbers: set[str] = set()
        self.names: set[str] = set()
        self.left_out = 0

    def __call__(
        self, upns: Sequence[str], columns: Mapping[str, Sequence[str]], permanent: AbstractSet[str]
    ) -> None:
        """Add the persons of some records: by UPN or, where a UPN is malformed, by name and date of birth.
        `upns`: the UPN of each record. `columns`: the values of fields such as "surname", by field, in the
        same order of records. `permanent`: the valid permanent UPNs.
        """
        formers = {former.strip().upper() for former in columns.get("former-upn", ()) if former}
        others = {*upns, *formers} - permanent
        numbers = {*permanent, *filter(is_upn, others)}
        self._add(self.numbers, numbers)
        if unnamed := others - numbers:
            for upn, record in zip(upns, records_of(columns), strict=False):
                if upn in unnamed:
                    born = read_date(record.get("birth-date", ""))
                    surname, forename, full = (record.get(key, "") for key in _NAMES)
                    self._add(self.names, name_keys(surname, forename, full, born), whole=True)

    def _add(self, known: set[str], found: AbstractSet[str], *, whole: bool = False) -> None:
        """Add the keys `found` (UPNs, or names with birth dates) to `known` while there is room.
        `whole`: `found` are all keys of one person, to be added together or not at all.
        """
        new = found - known
        room = PERSONS - len(self.numbers) - len(self.names)
        if len(new) <= room:
            known |= new
        elif whole:
            self.left_out += 1
        else:
            known.update(sorted(new)[:room])
            self.left_out += len(new) - room

    def scan(self, content: BinaryIO) -> None:
        """Collect all UPNs found anywhere in a content, for a content with unreadable records.
        Workbooks, archives and files attached to an e-mail are unpacked, up to 64 MiB. A file that is not
        unpacked or decoded counts as left out.
        """
        content.seek(0)
        self._scan(content)
        room = self._scan_packed(content, _UNPACKED)
        for part in decoded_parts(content):
            if part is None:
                self.left_out += 1
                continue
            self._scan(io.BytesIO(part))
            room = self._scan_packed(io.BytesIO(part), room)

    def _scan_packed(self, content: BinaryIO, room: int, *, inside: bool = False) -> int:
        """Collect the UPNs in the files of an archive, and in archives among them; return the octets left."""
        with suppress(*BROKEN), zipfile.ZipFile(content) as packed:
            for one in packed.infolist():
                found = None
                if one.file_size <= room and one.compress_type in archive.METHODS:
                    used = one.file_size
                    with suppress(*BROKEN), packed.open(one) as part:
                        # Without a length, `read` unpacks everything, whatever size is stated.
                        found = part.read(max(1, one.file_size))
                        used = len(found)
                    room -= used
                if found is None:
                    self.left_out += 1
                    continue
                unpacked = io.BytesIO(found)
                self._scan(unpacked)
                if not inside:
                    room = self._scan_packed(unpacked, room, inside=True)
                elif zipfile.is_zipfile(unpacked):
                    self.left_out += 1
        return room

    def _scan(self, content: BinaryIO) -> None:
        before = b""
        while piece := content.read(_PIECE):
            # Without empty octets, UTF-16 text reads like any other.
            text = before + piece.replace(b"\0", b"").upper()
            self._add(
                self.numbers, {one for upn in _NUMBER.findall(text) if is_upn(one := upn.decode("ascii"))}
            )
            before = text[1 - _LENGTH :]


def person_digests(numbers: Iterable[str], names: Iterable[str], key: bytes) -> frozenset[bytes]:
    """Return digests under `key` of persons: by UPN (`numbers`), or by name and birth date (`names`)."""
    by_number = (number_digest(one, key) for one in numbers)
    return frozenset(chain(by_number, (_digest(key, b"name", one) for one in names)))


def number_digest(upn: str, key: bytes) -> bytes:
    """Return the digest of a UPN under `key`, to find files and for rolls."""
    return _digest(key, b"pupil", upn)


def name_digests(surname: str, forename: str, born: date, key: bytes) -> frozenset[bytes]:
    """Return the digests of a person's name and date of birth; an empty set if a name has no letter."""
    return frozenset(_digest(key, b"name", one) for one in name_keys(surname, forename, "", born))


def rekeyed(digest: bytes, key: bytes) -> bytes:
    """Convert a digest made with the previous key to the digest made with `key`, the next key.
    The new digest is computed from the old one alone: no file has to be read again.
    """
    # Digests on record were made with this word: another one would find none of them again.
    return hmac.digest(key[-KEY:], b"carried\0" + digest, "sha256")[: len(digest)]


def rekeyed_roll(roll: bytes, key: bytes) -> bytes:
    """Convert every digest in a packed roll from the previous key to `key`, the next key."""
    return packed(
        entry._replace(
            pupil=rekeyed(entry.pupil, key),
            former=rekeyed(entry.former, key) if entry.former else None,
            birth_date=rekeyed(entry.birth_date, key) if entry.birth_date else None,
        )
        for entry in unpacked(roll)
    )


def _digest(key: bytes, what: bytes, text: str, length: int = DIGEST) -> bytes:
    """Return the digest of `text`, of the kind `what`, in `length` octets.
    `key` holds keys of 32 octets, the oldest first. The oldest key makes the digest, and `rekeyed` converts
    the digest to each later key in turn.
    """
    found = hmac.digest(key[:KEY], what + b"\0" + text.encode(), "sha256")[:length]
    for end in range(2 * KEY, len(key) + 1, KEY):
        found = rekeyed(found, key[:end])
    return found
