"""What a file says of its pupils and who is in it, as digests made in the service: no child knows the key."""

from __future__ import annotations

import base64
import hmac
import logging
from collections.abc import Collection

from gateway.examiner.persons import person_digests, persons_digested
from gateway.examiner.protocol import Read
from gateway.examiner.rolls import digested, packed
from gateway.examiner.view_protocol import RecordsNamed
from gateway.home import Home
from gateway.secrets import secret_files

_log = logging.getLogger(__name__)


def roll_of(read: Read, home: Home) -> str | None:
    """The roll in a file that is one, packed, in base64."""
    if read.pupils is None:
        return None
    return base64.b64encode(packed(digested(read.pupils, secret_files.pupil_key(home)))).decode()


def persons_of(read: Read, home: Home) -> str:
    """The digests of all persons in a file, in base64."""
    if read.left_out:
        _log.warning("%s: %d records beyond the indexed persons", read.reference, read.left_out)
    key = secret_files.pupil_key(home)
    return base64.b64encode(persons_digested(read.numbers, read.names, key)).decode()


def records_with(named: RecordsNamed, persons: Collection[bytes], home: Home) -> tuple[int, ...] | None:
    """The numbers of the records that are about persons of these digests, counted from 0.

    None where that cannot be said: a record names nobody, or the persons are in none although they are known
    to be in the file.
    """
    key, wanted = secret_files.pupil_key(home), frozenset(persons)
    found = []
    for number, (numbers, names) in enumerate(named.records):
        digests = person_digests(numbers, names, key)
        if not digests:
            return None
        if not wanted.isdisjoint(digests):
            found.append(number)
    return tuple(found) or None


def counting_seed(home: Home, sha256: str) -> str:
    """The secret from which the counts of the content of this digest are rounded, in hexadecimal."""
    key = secret_files.pupil_key(home)
    return hmac.digest(key, b"counts\0" + bytes.fromhex(sha256), "sha256").hex()
