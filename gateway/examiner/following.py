"""Classify a large content while still being opened, by a classifier reading along.

The classifier then reads content without a verified signature. So its answer is read only after the opener
confirms a whole content with one good signature; otherwise the classifier is ended and its answer never
read. It has two read-only descriptors and so cannot pass anything on.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO

from gateway.errors import Fault
from gateway.examiner.asking import believed, closing
from gateway.examiner.channel import close_all
from gateway.examiner.child import Child
from gateway.examiner.growing import WHOLE
from gateway.examiner.protocol import REQUEST, Read, Reading
from gateway.home import provider_of
from gateway.openpgp.memory import empty_memory

FROM_BYTES = 32 * 1024**2
"""Smallest sealed file, in bytes, whose content is classified during opening.

Programs based on Sequoia hold 25 MiB back until the signature is verified: a smaller file shows nothing
before its end.
"""


@dataclass(slots=True)
class Follower:
    """Classifier reading along in `memory`, the memory the opener writes to."""

    memory: int
    _classifier: Child
    _request: Reading
    _word: BinaryIO
    _is_over: bool = False

    def follows(self, content: int) -> bool:
        """Return True where the opener's content is the memory being read."""
        return os.path.samestat(os.fstat(content), os.fstat(self.memory))

    def read(self, seconds: float) -> Read:
        """Confirm a whole, signed content and return the classifier's answer, within `seconds`."""
        with suppress(BrokenPipeError):  # A classifier already ended gives no answer either.
            self._word.write(WHOLE)
        self._is_over = True
        said, given = self._classifier.finish(time.monotonic() + seconds)
        answer, given = believed(self._request, said, given, (Read,))
        close_all(given)
        return answer

    def give_up(self) -> None:
        """End the classifier and ignore its answer, unless already read."""
        self._word.close()
        if not self._is_over:
            self._is_over = True
            self._classifier.drop()


@contextmanager
def following(classifier: Child, request: Reading, seconds: float) -> Iterator[Follower | None]:
    """Let a classifier read along inside the context, for at most `seconds`; yield None where impossible.

    The cause is reported by the next request: a file that does not open is refused in any case.
    """
    with ExitStack() as kept:
        memory = empty_memory()
        kept.enter_context(closing(memory))
        # Content once readable must stay.
        fcntl.fcntl(memory, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
        ear, word = os.pipe2(os.O_CLOEXEC)
        told = kept.enter_context(os.fdopen(word, "wb", buffering=0))
        with closing(ear):
            can = _begins(classifier, request, memory, ear, seconds)
        if not can:
            yield None
            return
        follower = Follower(memory, classifier, request, told)
        kept.callback(follower.give_up)
        yield follower


def _begins(classifier: Child, request: Reading, memory: int, ear: int, seconds: float) -> bool:
    """Start a classifier on a read-only view of `memory`; return False where it cannot start."""
    sight = os.open(f"/proc/self/fd/{memory}", os.O_RDONLY | os.O_CLOEXEC)
    owner, asked = provider_of(request.reference), REQUEST.dump_json(request)
    with closing(sight), suppress(Fault):
        classifier.begin(owner, asked, (sight, ear), seconds)
        return True
    return False
