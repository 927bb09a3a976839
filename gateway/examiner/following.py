"""A large content is classified while it is still being opened, by a classifier that reads along.

It reads what nobody has signed for yet. So what it finds is not looked at before the opener has said that the
content is whole and its one signature good; where that does not come, it is ended, and whatever it may have
answered is never read. It can tell nobody else: it has two descriptors, neither of which it can write to.
"""

from __future__ import annotations

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
"""Of so large a sealed file the content is classified while it is opened.

Programs made of Sequoia keep 25 MiB back until they know whether the signature is good: of a smaller file
there is nothing to read before its end.
"""


@dataclass(slots=True)
class Follower:
    """A classifier that reads along in `memory`, into which the opener writes."""

    memory: int
    _classifier: Child
    _request: Reading
    _word: BinaryIO
    _is_over: bool = False

    def follows(self, content: int) -> bool:
        """Whether a content that the opener gave is what the classifier reads, and not another beside it."""
        return os.path.samestat(os.fstat(content), os.fstat(self.memory))

    def read(self, seconds: float) -> Read:
        """What the content is, which is whole now, and signed; it takes at most `seconds` from here on."""
        with suppress(BrokenPipeError):  # Of a classifier that has ended there is no answer either.
            self._word.write(WHOLE)
        self._is_over = True
        said, given = self._classifier.finish(time.monotonic() + seconds)
        answer, given = believed(self._request, said, given, (Read,))
        close_all(given)
        return answer

    def give_up(self) -> None:
        """End the classifier, and never look at what it found, unless that was heard already."""
        self._word.close()
        if not self._is_over:
            self._is_over = True
            self._classifier.drop()


@contextmanager
def following(classifier: Child, request: Reading, seconds: float) -> Iterator[Follower | None]:
    """While this lasts, a classifier reads along, for at most `seconds`; none where it cannot be asked now.

    Why it cannot is heard by whoever asks it afterwards: a file that does not open is refused all the same.
    """
    with ExitStack() as kept:
        memory = empty_memory()
        kept.enter_context(closing(memory))
        # What was there to be read stays there.
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
    """Whether a classifier begins to read what is in `memory`, which it cannot change."""
    sight = os.open(f"/proc/self/fd/{memory}", os.O_RDONLY | os.O_CLOEXEC)
    owner, asked = provider_of(request.reference), REQUEST.dump_json(request)
    with closing(sight), suppress(Fault):
        classifier.begin(owner, asked, (sight, ear), seconds)
        return True
    return False
