"""The viewer: an isolated child without secrets, given one content to make a team's view of.

The viewer reads files from anybody and is confined like the classifier, except for anonymous memory, needed
to hold the view.
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from gateway.classify import Rules, load_rules
from gateway.classify.content import Unreadable
from gateway.classify.views.counts import write_counts
from gateway.classify.views.view import Stream, make_view
from gateway.classify.views.walk import Write, lay_out, named_records
from gateway.errors import GatewayError
from gateway.examiner import protocol
from gateway.examiner.confinement import Needs
from gateway.examiner.process_pool import Answer, Work, serve
from gateway.home.settings import ClassifyLimits
from gateway.model import EVERY_RECORD, Basis, Counting, View
from gateway.openpgp.memory import Content

_UNREADABLE = "the content cannot be read as it was classified"
_AT_ONCE = 256 * 1024  # writing each record alone would cost a system call each


@dataclass(frozen=True, slots=True)
class Looking:
    """Handler of the requests to a viewer. A view has at most `most` bytes."""

    rules: Rules
    limits: ClassifyLimits
    most: int

    def work(self, message: bytes, descriptors: Sequence[int]) -> Answer:
        """Answer one request about the content sent along; a fault of the gateway becomes an answer too."""
        request = protocol.REQUEST.validate_json(message)
        if not isinstance(request, protocol.Viewing | protocol.LayingOut | protocol.NamingRecords):
            raise TypeError(request.kind)
        try:
            if isinstance(request, protocol.NamingRecords):
                return protocol.ANSWER.dump_json(self.named(request, descriptors[0])), ()
            if isinstance(request, protocol.LayingOut):
                laid_out, made = self.laid_out(request, descriptors[0])
                return protocol.ANSWER.dump_json(laid_out), (made,)
            view, given = self.view(request, descriptors[0])
        except (GatewayError, Unreadable) as error:
            explanation = _UNREADABLE if isinstance(error, Unreadable) else str(error)
            return protocol.ANSWER.dump_json(
                protocol.Failed(reference=request.reference, explanation=explanation)
            ), ()
        return protocol.ANSWER.dump_json(protocol.Viewed(reference=request.reference, view=view)), given

    def view(self, request: protocol.Viewing, descriptor: int) -> tuple[View, Sequence[int]]:
        """Make the view; return its data, and its descriptor unless the view is the whole content."""
        with os.fdopen(descriptor, "rb", closefd=False) as content, Content(self.most) as memory:
            with io.BufferedWriter(Stream(memory.write), _AT_ONCE) as pieces:
                left_out, whole = self._make(content, request.basis, pieces.write)
            made, size, sha256 = memory.finish()
        if whole:
            os.close(made)
        return View(size=size, sha256=sha256, left_out=left_out, whole=whole), () if whole else (made,)

    def _make(self, content: BinaryIO, asked: Basis | Counting, write: Write) -> tuple[tuple[str, ...], bool]:
        if isinstance(asked, Basis):
            rules = self.rules.with_stated(asked.stated)
            return make_view(content, asked, rules, self.limits, write)
        write_counts(content, asked, self.rules, self.limits, write)
        return (EVERY_RECORD,), False

    def laid_out(self, request: protocol.LayingOut, descriptor: int) -> tuple[protocol.LaidOut, int]:
        """Lay a view out as CSV for another system; return the data and the descriptor."""
        rules, about = self.rules.with_stated(request.stated), request.reference
        with os.fdopen(descriptor, "rb", closefd=False) as view, Content(self.most) as memory:
            with io.BufferedWriter(Stream(memory.write), _AT_ONCE) as pieces:
                rows, filled = lay_out(view, request.layout, rules, self.limits, pieces.write)
            made, size, sha256 = memory.finish()
        return protocol.LaidOut(
            reference=about, size=size, sha256=sha256, rows=rows, filled=tuple(filled)
        ), made

    def named(self, request: protocol.NamingRecords, descriptor: int) -> protocol.RecordsNamed:
        """Return the persons in each record of a content."""
        with os.fdopen(descriptor, "rb", closefd=False) as content:
            found = named_records(content, self.rules, self.limits)
            return protocol.RecordsNamed(reference=request.reference, records=list(found))


def main() -> None:
    """Run as the child process: answer requests until the service ends."""

    def prepared(message: bytes) -> tuple[Needs, Work]:
        setup = protocol.READER_SETUP.validate_json(message)
        limits, most = setup.limits, setup.limits.open.content_bytes
        needs = Needs(memory_bytes=limits.open.memory_bytes, writes_bytes=most)
        return needs, Looking(load_rules(setup.rules), limits.classify, most).work

    serve("makes views of contents for the gateway's services", prepared)


if __name__ == "__main__":
    main()
