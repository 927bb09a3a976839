"""What the service does with an isolated child, and what each child makes of a request."""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from pysequoia import Cert

from gateway.examiner import child as control
from gateway.examiner import classifier, judge, viewer
from gateway.examiner.child import Child
from gateway.examiner.opener import Opening
from gateway.examiner.process_pool import _places, close_all
from gateway.examiner.protocol import (
    ANSWER,
    READER_SETUP,
    REQUEST,
    AgreementCopy,
    Failed,
    FileRefused,
    HeadingsDrop,
    Job,
    NamingRecords,
    Read,
    ReaderSetup,
    Reading,
    Reopen,
    Reopened,
    Reseal,
    Resealed,
)
from gateway.home.settings import ClassifyLimits, Limits, OpenLimits, ProcessorSettings
from gateway.model import Classified, Signature
from gateway.openpgp.interface import Content
from gateway.openpgp.sealer import seal
from gateway.zones import headings
from tests.classify import made
from tests.openpgp import vectors
from tests.openpgp.make.surgery import joined, split
from tests.views.making import POLICIES, RULES
from tests.waiting import eventually

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
REFERENCE = "260302-oak-00001"
DROP = Job(reference=REFERENCE, name="key.asc", senders=(), now=NOW, folder="keys")
READING = Reading(reference=REFERENCE, name="a.csv", today=date(2026, 3, 2))
DEAF = "import pathlib, signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"


@pytest.mark.parametrize("end", [Child.close, Child.drop])
def test_a_child_is_given_no_more_than_it_needs_and_killed_if_it_does_not_end(
    end: Callable[[Child], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "_TO_END_SECONDS", 0.1)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of the store")
    ready = tmp_path / "ready"
    child = Child(("-c", f"{DEAF} pathlib.Path({str(ready)!r}).touch(); time.sleep(600)"), bytes, tuple)
    child.start()
    process = child._pool
    assert process is not None
    eventually(ready.exists)
    running = Path(f"/proc/{process.pid}")
    assert (running / "cwd").readlink() == Path("/")
    assert {(running / f"fd/{one}").readlink() for one in (0, 1)} == {Path(os.devnull)}
    given = {one.partition("=")[0] for one in (running / "environ").read_text().split("\0") if one}
    assert given <= {"GATEWAY_FAILPOINT", "PATH", "LC_ALL"}
    end(child)
    assert process.returncode == -signal.SIGKILL


def test_no_child_answers_a_request_that_is_for_another() -> None:
    limits, drop, reading = ClassifyLimits(), REQUEST.dump_json(DROP), REQUEST.dump_json(READING)
    names = REQUEST.dump_json(NamingRecords(reference=REFERENCE))
    with pytest.raises(TypeError, match="reading"):
        viewer.work(RULES, limits, 100, reading, ())
    with pytest.raises(TypeError, match="naming-records"):
        classifier.work(RULES, limits, names, ())
    with pytest.raises(TypeError, match="reading"):
        judge.work(OpenLimits(), reading, ())
    with pytest.raises(TypeError, match="job"):
        viewer.work(RULES, limits, 100, drop, ())


def test_a_crash_is_told_by_its_kind_and_its_lines_alone() -> None:
    try:
        judge.work(OpenLimits(), REQUEST.dump_json(READING), ())
    except TypeError as error:
        told = list(_places(error))
    assert told[0] == "TypeError"
    assert [place.partition(":")[0] for place in told[1:]] == [__name__, "gateway.examiner.judge"]


@pytest.mark.parametrize("old", [False, True], ids=["as of today", "as GnuPG writes"])
def test_a_key_in_binary_is_read_in_either_form_of_packets(*, old: bool) -> None:
    certificate = bytes(Cert.from_bytes((vectors.KEYS / "alice.asc").read_bytes()))
    found = judge.judge(DROP, joined(split(certificate), old=old), OpenLimits())
    assert isinstance(found, FileRefused)
    assert found.why.code == "key:not-signed"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("We agree.\n", None),
        ("We agree. \r\n\r\n", None),
        ("We do not agree.\n", "agreement:other-text"),
        ("", "agreement:other-text"),
    ],
)
def test_a_signed_copy_of_the_agreement_has_its_lines(text: str, code: str | None) -> None:
    signature = Signature(certificate=40 * "a", signing_key=40 * "a", created_at=NOW)
    job = replace(DROP, folder="agreement", agreement="We agree.\n", signature=signature)
    found = judge.judge(job, text.encode() or b"\n", OpenLimits())
    assert (found.why.code if isinstance(found, FileRefused) else None) == code
    assert isinstance(found, FileRefused | AgreementCopy)


def test_a_signed_statement_about_headings_is_taken_as_one_and_an_unsigned_is_none() -> None:
    statement = f"{headings.FIRST_LINE}\nKnown as = forename\n".encode()
    signature = Signature(certificate=40 * "a", signing_key=40 * "a", created_at=NOW)
    found = judge.judge(replace(DROP, signature=signature), statement, OpenLimits())
    assert isinstance(found, HeadingsDrop)
    assert (found.reference, found.stated, found.signature) == (
        REFERENCE,
        headings.read(statement),
        signature,
    )
    assert isinstance(judge.judge(DROP, statement, OpenLimits()), FileRefused)


@pytest.mark.parametrize(("more", "is_too_large"), [(0, False), (1, True)])
def test_a_drop_has_a_megabyte_at_most(more: int, *, is_too_large: bool) -> None:
    found = judge.judge(DROP, b"x" * (1024 * 1024 + more), OpenLimits())
    assert isinstance(found, FileRefused)
    assert (found.why.code == "open:too-large") is is_too_large


def test_a_classifier_answers_what_a_content_is() -> None:
    with closing_memory(made.as_csv(made.core_rows()).encode()) as content:
        message, given = classifier.work(RULES, ClassifyLimits(), REQUEST.dump_json(READING), (content,))
    answer = ANSWER.validate_json(message)
    assert isinstance(answer, Read)
    assert isinstance(answer.content, Classified)
    assert (answer.content.data_type, answer.content.pupils, given) == ("student-core", 12, ())


def test_a_child_answers_about_each_provider_and_keeps_its_memory_from_being_swapped_out() -> None:
    setup = READER_SETUP.dump_json(ReaderSetup(rules=POLICIES, limits=Limits()))
    with closing(Child(("-m", "gateway.examiner.judge"), lambda: setup, tuple)) as child:
        pools = set()
        for owner in ("oak", "elm"):
            with closing_memory(b"x") as drop:
                message, _ = child.ask(owner, REQUEST.dump_json(DROP), [drop], 60)
            assert isinstance(ANSWER.validate_json(message), FileRefused)
            assert child._pool is not None
            pools.add(child._pool.pid)
        (pool,) = pools
        status = Path(f"/proc/{pool}/status").read_text()
    if os.geteuid() == 0:
        assert int(status.partition("VmLck:")[2].split()[0]) > 0


def test_a_file_opens_by_a_new_key_too_once_its_session_key_is_sealed_to_it() -> None:
    (old, old_cert), (new, new_cert) = (
        [(vectors.KEYS / f"{name}.{ending}").read_bytes() for ending in ("key", "asc")]
        for name in ("gateway", "gateway-p256")
    )
    by_old, by_new = (
        Opening(ProcessorSettings(engine="embedded"), {40 * "a": secret}, OpenLimits())
        for secret in (old, new)
    )
    sealed = seal(b"UPN", [old_cert], (vectors.KEYS / "alice.key").read_bytes())
    sha256 = hashlib.sha256(b"UPN").hexdigest()
    asked = Reseal(reference=REFERENCE, certificate=new_cert.decode(), sha256=sha256)
    with closing_memory(sealed) as file:
        assert answered(by_new, asked, file) == Resealed(reference=REFERENCE, session="", proved=False)
        made = answered(by_old, asked, file)
        assert isinstance(made, Resealed)
        assert made.proved
        assert isinstance(answered(by_old, replace(asked, sha256=64 * "0"), file), Failed)
        reopen = Reopen(reference=REFERENCE, sha256=sha256)
        assert isinstance(answered(by_new, reopen, file), Failed)
        with closing_memory(made.session.encode()) as session:
            assert answered(by_new, reopen, file, session) == Reopened(reference=REFERENCE, size=3)
            again = answered(by_new, replace(asked, certificate=old_cert.decode()), file, session)
    assert isinstance(again, Resealed)
    assert again.proved


def answered(opening: Opening, request: Reseal | Reopen, *files: int) -> object:
    message, given = opening.work(REQUEST.dump_json(request), files)
    close_all(given)
    return ANSWER.validate_json(message)


@contextmanager
def closing_memory(data: bytes) -> Iterator[int]:
    with Content(len(data)) as content:
        content.write(data)
        descriptor, *_ = content.finish()
    try:
        yield descriptor
    finally:
        os.close(descriptor)
