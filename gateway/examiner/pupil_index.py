"""Make the digests of the pupils and persons in a file, within the service: no child knows the key."""

import base64
import hmac
import logging
from collections.abc import Collection

from gateway.examiner.child import ExaminerLost
from gateway.examiner.persons import digested, packed, person_digests
from gateway.examiner.protocol import PERSONS, PUPILS, Read, RecordsNamed
from gateway.home import Home
from gateway.secrets import secret_files

_log = logging.getLogger(__name__)


def roll_of(read: Read, home: Home) -> str | None:
    """Return the packed roll of a file in base64; None for a file that is no roll.
    Raises ExaminerLost for more pupils than are indexed.
    """
    if read.pupils is None:
        return None
    if read.pupils.count("\n") > PUPILS:
        raise ExaminerLost("the classifying process named more pupils than it may")
    return base64.b64encode(packed(digested(read.pupils, secret_files.pupil_key(home)))).decode()


def persons_of(read: Read, home: Home) -> str:
    """Return the digests of all persons in a file, in base64: distinct, sorted and concatenated.
    Raises ExaminerLost for more persons than are indexed.
    """
    if read.numbers.count("\n") + read.names.count("\n") > PERSONS:
        raise ExaminerLost("the classifying process named more persons than it may")
    if read.left_out:
        _log.warning("%s: %d records beyond the indexed persons", read.reference, read.left_out)
    key = secret_files.pupil_key(home)
    digests = person_digests(read.numbers.split(), read.names.split(), key)
    return base64.b64encode(b"".join(sorted(digests))).decode()


def records_with(named: RecordsNamed, persons: Collection[bytes], home: Home) -> tuple[int, ...] | None:
    """Return the numbers, from 0, of the records about persons with these digests.
    Returns None if that is not certain: a record names nobody, or no record is about any of these persons.
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
    """Return the secret seed, in hexadecimal, that rounds the counts of the content with this SHA-256."""
    key = secret_files.pupil_key(home)
    return hmac.digest(key, b"counts\0" + bytes.fromhex(sha256), "sha256").hex()
