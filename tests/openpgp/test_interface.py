"""The memory that a content is written to, which others may read meanwhile."""

from __future__ import annotations

import os

from gateway.openpgp.interface import Content, empty_memory


def test_who_reads_along_never_sees_that_it_began_anew() -> None:
    memory = empty_memory()
    with Content(100, memory) as content:
        content.write(b"first")
        content.restart()
        content.write(b"then")
        descriptor, size, _ = content.finish()
    assert os.pread(memory, 100, 0) == b"first"
    assert os.pread(descriptor, 100, 0) == b"then"
    assert size == 4
    assert not os.path.samestat(os.fstat(memory), os.fstat(descriptor))
    os.close(memory)
    os.close(descriptor)


def test_who_reads_along_sees_no_byte_of_a_content_that_is_still_to_begin() -> None:
    memory = empty_memory()
    with Content(100, memory) as content:
        content.restart()
        assert os.fstat(memory).st_size == 0
        content.write(b"first")
        descriptor, *_ = content.finish()
    assert os.pread(memory, 100, 0) == b"first"
    os.close(memory)
    os.close(descriptor)
