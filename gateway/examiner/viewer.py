"""The viewer: an isolated child that holds nothing. It gets one content and makes a team's view of it.

It reads what anybody may have written, as the classifier does, and is confined as that is; but it may make
anonymous memory, where the view lies until it is read.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.classify import Rules, load_rules
from gateway.classify.content import Unreadable
from gateway.classify.views.view import make_view
from gateway.errors import GatewayError
from gateway.examiner.confinement import Needs
from gateway.examiner.entry import serve
from gateway.examiner.nursery import Answer
from gateway.examiner.protocol import ANSWER, REQUEST, Failed, Viewed, Viewing
from gateway.examiner.setups import VIEWER_SETUP
from gateway.home.settings import ClassifyLimits
from gateway.model import View
from gateway.openpgp.memory import Content

_UNREADABLE = "the content cannot be read as it was classified"
_WRITTEN_AT_ONCE = 256 * 1024


@dataclass(frozen=True, slots=True)
class Looking:
    """What the viewer does for one request. A view is at most `most` bytes."""

    rules: Rules
    limits: ClassifyLimits
    most: int

    def work(self, message: bytes, descriptors: Sequence[int]) -> Answer:
        """Make the view of the one content that came with the request; a fault of ours is an answer too."""
        request = REQUEST.validate_json(message)
        if not isinstance(request, Viewing):
            raise TypeError(request.kind)
        try:
            view, given = self.view(request, descriptors[0])
        except (GatewayError, Unreadable) as error:
            explanation = _UNREADABLE if isinstance(error, Unreadable) else str(error)
            return ANSWER.dump_json(Failed(reference=request.reference, explanation=explanation)), ()
        return ANSWER.dump_json(Viewed(reference=request.reference, view=view)), given

    def view(self, request: Viewing, descriptor: int) -> tuple[View, Sequence[int]]:
        """The view and its descriptor; none where nothing was left out or changed."""
        with os.fdopen(descriptor, "rb", closefd=False) as content, Content(self.most) as memory:
            pieces = _Pieces(memory)
            left_out, whole = make_view(content, request.basis, self.rules, self.limits, pieces.write)
            pieces.flush()
            made, size, sha256 = memory.finish()
        if whole:
            os.close(made)
        return View(size=size, sha256=sha256, left_out=left_out, whole=whole), () if whole else (made,)


class _Pieces:
    """Puts what is written together to larger pieces: a record at a time would cost a system call each."""

    def __init__(self, memory: Content) -> None:
        self._memory = memory
        self._waiting = bytearray()

    def write(self, piece: bytes) -> None:
        """Write a piece, now or with the next ones."""
        self._waiting += piece
        if len(self._waiting) >= _WRITTEN_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        self._memory.write(bytes(self._waiting))
        self._waiting.clear()


def main() -> None:
    """Serve until the service is gone."""

    def prepared(message: bytes) -> tuple[Needs, Looking]:
        setup = VIEWER_SETUP.validate_json(message)
        needs = Needs(memory_bytes=setup.memory_bytes, writes_bytes=setup.most)
        return needs, Looking(load_rules(setup.rules), setup.limits, setup.most)

    serve("makes views of contents for the gateway's services", prepared)


if __name__ == "__main__":
    main()
