"""The viewer: an isolated child without secrets, given one content to make a team's view of.

The viewer reads files from anybody and is confined like the classifier, except for anonymous memory, needed
to hold the view.
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from functools import partial
from typing import BinaryIO

from gateway.classify import Rules, load_rules
from gateway.classify.content import Unreadable
from gateway.classify.views.counts import write_counts
from gateway.classify.views.view import Stream, make_view
from gateway.classify.views.walk import lay_out, named_records
from gateway.errors import GatewayError
from gateway.examiner import protocol
from gateway.examiner.confinement import Cell
from gateway.examiner.process_pool import Answer, Work, serve
from gateway.home.settings import ClassifyLimits
from gateway.model import EVERY_RECORD, Basis, View
from gateway.openpgp.interface import Content

_UNREADABLE = "the content cannot be read as it was classified"
_AT_ONCE = 256 * 1024  # writing each record alone would cost a system call each


def work(
    rules: Rules, limits: ClassifyLimits, most: int, message: bytes, descriptors: Sequence[int]
) -> Answer:
    """Answer one request about the content at the descriptor sent along; make at most `most` bytes.
    A fault of the gateway is also sent as an answer.
    """
    request = protocol.REQUEST.validate_json(message)
    if not isinstance(request, protocol.Viewing | protocol.LayingOut | protocol.NamingRecords):
        raise TypeError(request.kind)
    answer: protocol.Answer
    try:
        with os.fdopen(descriptors[0], "rb", closefd=False) as content:
            answer, given = _answer(request, content, rules, limits, most)
    except (GatewayError, Unreadable) as error:
        explanation = _UNREADABLE if isinstance(error, Unreadable) else str(error)
        answer, given = protocol.Failed(reference=request.reference, explanation=explanation), ()
    return protocol.ANSWER.dump_json(answer), given


def _answer(
    request: protocol.Viewing | protocol.LayingOut | protocol.NamingRecords,
    content: BinaryIO,
    rules: Rules,
    limits: ClassifyLimits,
    most: int,
) -> tuple[protocol.Answer, Sequence[int]]:
    """Return the answer about a content, and the descriptor of the file made.
    No descriptor for a view that is the whole content, or for an answer that only names persons.
    """
    about = request.reference
    if isinstance(request, protocol.NamingRecords):
        records = list(named_records(content, rules, limits))
        return protocol.RecordsNamed(reference=about, records=records), ()
    left_out: tuple[str, ...] = (EVERY_RECORD,)
    whole, rows, filled = False, 0, list[int]()
    with Content(most) as memory:
        with io.BufferedWriter(Stream(memory.write), _AT_ONCE) as pieces:
            if isinstance(request, protocol.LayingOut):
                stated = rules.with_stated(request.stated)
                rows, filled = lay_out(content, request.layout, stated, limits, pieces.write)
            elif isinstance(request.basis, Basis):
                stated = rules.with_stated(request.basis.stated)
                left_out, whole = make_view(content, request.basis, stated, limits, pieces.write)
            else:
                write_counts(content, request.basis, rules, limits, pieces.write)
        made, size, sha256 = memory.finish()
    if isinstance(request, protocol.LayingOut):
        return protocol.LaidOut(reference=about, size=size, sha256=sha256, rows=rows, filled=tuple(filled)), (
            made,
        )
    if whole:
        os.close(made)
    view = View(size=size, sha256=sha256, left_out=left_out, whole=whole)
    return protocol.Viewed(reference=about, view=view), () if whole else (made,)


def prepared(message: bytes) -> tuple[Cell, Work]:
    """Return the child's confinement and request handler, by the setup message."""
    setup = protocol.READER_SETUP.validate_json(message)
    limits, most = setup.limits, setup.limits.open.content_bytes
    cell = Cell(limits.open.memory_bytes, writes_bytes=most)
    return cell, partial(work, load_rules(setup.rules), limits.classify, most)


if __name__ == "__main__":
    serve(prepared)
