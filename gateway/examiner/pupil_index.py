"""What a file says of its pupils and who is in it, as digests made in the service: no child knows the key."""

from __future__ import annotations

import base64
import logging

from gateway.examiner.persons import persons_digested
from gateway.examiner.protocol import Read
from gateway.examiner.rolls import digested, packed
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
