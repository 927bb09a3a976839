"""A large file is classified while it is opened: what comes of that where it, or a child, is hostile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest

from gateway.errors import Fault
from gateway.examiner.child import FROM_BYTES, Child, ExaminerLost, Follower, following
from gateway.examiner.parent import Examiner
from gateway.examiner.protocol import FileOpened, FileRefused, Job, Looked, Reading
from gateway.homes.demo.parties import Party
from gateway.model import Classified, ContentRefused
from gateway.openpgp.interface import Content
from tests.attacks.captured import answering, captured_classifier
from tests.attacks.test_captured_children import has_ended
from tests.bench.bench_classify import csv_wide
from tests.forking import Forked, forked
from tests.waiting import eventually, until
from tests.workshop import Desk

pytestmark = pytest.mark.long

REFERENCE = "261127-oak-7K2MX"
SMALL = 1024**2
TOLD = {"reference": REFERENCE, "kind": "read", "content": {"code": "classify:unknown", "evidence": []}}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with closing(Desk(tmp_path_factory.mktemp("along"))) as found:
        yield found


@pytest.fixture(scope="module")
def oak(desk: Desk) -> Party:
    return desk.provider("oak")


@pytest.fixture(scope="module")
def elm(desk: Desk) -> Party:
    return Party("elm", desk.root / "parties" / "elm")


@pytest.fixture(scope="module")
def plain() -> bytes:
    return b"".join(csv_wide(2 * SMALL))


@pytest.fixture(scope="module")
def sealed(desk: Desk, oak: Party, plain: bytes) -> bytes:
    """A file that is just read along with, for want of patience."""
    made = oak.seal(plain, desk.certificate)
    assert SMALL < len(made) < FROM_BYTES
    desk.catch_up()
    return made


@pytest.fixture(scope="module")
def large(desk: Desk, oak: Party) -> bytes:
    """A file of which some is open before it is known who signed it."""
    made = oak.seal(b"".join(csv_wide(FROM_BYTES + 8 * SMALL)), desk.certificate)
    assert len(made) > FROM_BYTES
    desk.catch_up()
    return made


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.examiner.parent.FROM_BYTES", SMALL)


@pytest.fixture
def examiner(desk: Desk) -> Iterator[Examiner]:
    with forked(), closing(Examiner(desk.home)) as found:
        yield found


def look(
    examiner: Examiner, desk: Desk, sealed: bytes, sender: Party, others: tuple[str, ...] = ()
) -> Looked:
    """What is found of a sealed file that this one is to have signed, or one of these that do not count."""
    certificate = sender.certificate.read_text()
    job = Job(reference=REFERENCE, name="data.csv", senders=(certificate,), others=others, now=desk.now)
    descriptor = os.memfd_create("sealed")
    os.write(descriptor, sealed)
    os.lseek(descriptor, 0, os.SEEK_SET)
    try:
        return examiner.look(job, descriptor)
    finally:
        os.close(descriptor)


def is_in_force(found: Looked) -> bool:
    """Whether a file was opened, and is signed by a key in force."""
    return isinstance(found, FileOpened) and found.why is None


def one_after_another(
    examiner: Examiner, desk: Desk, sealed: bytes, sender: Party, others: tuple[str, ...] = ()
) -> Looked:
    """The same as small files are looked at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gateway.examiner.parent.FROM_BYTES", len(sealed) + 1)
        return look(examiner, desk, sealed, sender, others)


def meanwhile(examiner: Examiner, monkeypatch: pytest.MonkeyPatch, do: Callable[[], object]) -> None:
    """Do something once some of a file is open, and a classifier reads along."""
    begin, finish = examiner._opener.begin, examiner._opener.finish
    beside, done = ThreadPoolExecutor(1), list[Future[object]]()

    def begun(owner: str, request: bytes, given: Sequence[int], seconds: float) -> float:
        done.append(beside.submit(lambda: (until(lambda: os.fstat(given[1]).st_size, "a start"), do())))
        return begin(owner, request, given, seconds)

    def finished(deadline: float) -> tuple[bytes, tuple[int, ...]]:
        try:
            return finish(deadline)
        finally:
            done.pop().result()

    monkeypatch.setattr(examiner._opener, "begin", begun)
    monkeypatch.setattr(examiner._opener, "finish", finished)


def never(*_: object) -> None:
    raise AssertionError("this is not to be asked")


def process_of(child: Child) -> int:
    """The process that looks at a file."""
    pool = child._pool
    assert isinstance(pool, subprocess.Popen | Forked)
    return int(Path(f"/proc/{pool.pid}/task/{pool.pid}/children").read_text().split()[0])


def descriptors() -> list[str]:
    """What is open here, by what it leads to; pipes and sockets of others have other numbers."""
    found = []
    for one in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(str(one.readlink()))
    return sorted(name for name in found if "content" in name or "sealed" in name or name.startswith("pipe"))


def test_a_large_file_is_told_the_same_and_read_once(
    examiner: Examiner, desk: Desk, oak: Party, sealed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = one_after_another(examiner, desk, sealed, oak)
    monkeypatch.setattr(examiner, "classify", never)
    found = look(examiner, desk, sealed, oak)
    assert found == expected
    assert is_in_force(found)
    assert isinstance(found, FileOpened)
    assert isinstance(found.content, Classified)


@pytest.mark.parametrize("end", [b"Zo\xeb,", b"\0", b"PK\x05\x06"])
def test_where_the_end_proves_the_start_wrong_it_is_told_the_same(
    examiner: Examiner, desk: Desk, oak: Party, plain: bytes, end: bytes
) -> None:
    sealed = oak.seal(plain + end, desk.certificate)
    desk.catch_up()
    assert look(examiner, desk, sealed, oak) == one_after_another(examiner, desk, sealed, oak)


# By what is wrong with it: which file, how it is spoilt, who is to have signed it, and why it is refused. A
# shorter one is cut off since it is looked into for the reason, which takes its time.
SPOILT: dict[str, tuple[str, Callable[[bytes], bytes], str, str]] = {
    "signed by a stranger": ("large", lambda data: data, "elm", "open:wrong-signer"),
    "changed at its end": ("large", lambda data: data[:-1000] + b"x" + data[-999:], "oak", "open:damaged"),
    "cut off": ("sealed", lambda data: data[:-1000], "oak", "open:damaged"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_nobody_looks_at_what_was_found_in_a_file_that_is_refused(
    examiner: Examiner,
    desk: Desk,
    name: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    which, spoil, signer, code = SPOILT[name]
    data, sender = spoil(request.getfixturevalue(which)), request.getfixturevalue(signer)
    told = answering(desk.home, "classifier", TOLD)  # It answers at once, whether that is asked for or not.
    examiner._classifier.close()
    examiner._classifier = told
    monkeypatch.setattr(told, "finish", never)
    before = descriptors()
    found = look(examiner, desk, data, sender)
    assert isinstance(found, FileRefused)
    assert found.why.code == code
    assert found == one_after_another(examiner, desk, data, sender)
    assert told._process is None
    assert descriptors() == before


def test_what_a_key_signed_that_does_not_count_is_told_the_same(
    examiner: Examiner,
    desk: Desk,
    sealed: bytes,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is opened twice, and the second time elsewhere than where the classifier reads."""
    oak, elm = request.getfixturevalue("oak"), request.getfixturevalue("elm")
    others = (oak.certificate.read_text(),)
    monkeypatch.setattr(Follower, "read", never)
    found = look(examiner, desk, sealed, elm, others)
    assert isinstance(found, FileOpened)
    assert found.why is not None
    assert found == one_after_another(examiner, desk, sealed, elm, others)


def test_a_classifier_that_answers_before_the_word_is_heard_after_it(
    examiner: Examiner, desk: Desk, oak: Party, sealed: bytes
) -> None:
    examiner._classifier.close()
    examiner._classifier = answering(desk.home, "classifier", TOLD)
    found = look(examiner, desk, sealed, oak)
    assert isinstance(found, FileOpened)
    assert found.why is None
    assert found.content == ContentRefused(code="classify:unknown")


def kill_classifier(examiner: Examiner) -> None:
    os.kill(process_of(examiner._classifier), signal.SIGKILL)


def test_a_classifier_that_is_killed_costs_its_file_alone(
    examiner: Examiner, desk: Desk, large: bytes, monkeypatch: pytest.MonkeyPatch, oak: Party
) -> None:
    before = descriptors()
    with monkeypatch.context() as patch:
        meanwhile(examiner, patch, lambda: kill_classifier(examiner))
        with pytest.raises(ExaminerLost):
            look(examiner, desk, large, oak)
    assert descriptors() == before
    assert is_in_force(look(examiner, desk, large, oak))


def test_a_file_is_refused_although_its_classifier_is_killed(
    examiner: Examiner, desk: Desk, large: bytes, monkeypatch: pytest.MonkeyPatch, elm: Party
) -> None:
    meanwhile(examiner, monkeypatch, lambda: kill_classifier(examiner))
    assert isinstance(look(examiner, desk, large, elm), FileRefused)


def test_an_opener_that_is_killed_leaves_no_classifier(
    examiner: Examiner, desk: Desk, oak: Party, large: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading: list[int] = []

    def kill() -> None:
        reading.append(process_of(examiner._classifier))
        os.kill(process_of(examiner._opener), signal.SIGKILL)

    before = descriptors()
    with monkeypatch.context() as patch:
        meanwhile(examiner, patch, kill)
        with pytest.raises(ExaminerLost):
            look(examiner, desk, large, oak)
    assert descriptors() == before
    assert all(map(has_ended, reading))
    assert reading
    assert is_in_force(look(examiner, desk, large, oak))


def test_a_service_that_stops_leaves_nothing_behind(
    desk: Desk, oak: Party, large: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = descriptors()
    examiner = Examiner(desk.home)
    reading: list[int] = []

    def stop() -> None:
        reading.extend(map(process_of, (examiner._classifier, examiner._opener)))
        examiner.close()

    meanwhile(examiner, monkeypatch, stop)
    with pytest.raises(Fault):
        look(examiner, desk, large, oak)
    examiner.close()
    assert len(reading) == 2
    eventually(lambda: all(map(has_ended, reading)))
    assert descriptors() == before


def test_a_file_is_refused_although_no_classifier_starts(
    examiner: Examiner, desk: Desk, oak: Party, sealed: bytes
) -> None:
    examiner._classifier.close()
    examiner._classifier = Child(("-c", "pass"), lambda: b"", lambda: None)
    assert isinstance(look(examiner, desk, sealed[:-1000], oak), FileRefused)
    with pytest.raises(Fault, match="does not start"):
        look(examiner, desk, sealed, oak)


ATTACKS = {
    "changing the content": "os.pwrite(content, b'X', 0); found['got'] = 1",
    "cutting the content off": "os.ftruncate(content, 1); found['got'] = 1",
    "adding to the content": "os.lseek(content, 0, 2); os.write(content, b'X'); found['got'] = 1",
    "writing to it in memory": (
        "libc, size, start = ctypes.CDLL(None), ctypes.c_size_t(8), ctypes.c_long(0)\n"
        "libc.mmap.restype = ctypes.c_void_p\n"
        "place = libc.mmap(None, size, 3, 1, content, start)\n"
        "assert place != 2**64 - 1\n"
        "ctypes.memset(place, 88, 1); found['got'] = 1"
    ),
    "keeping the opener from writing": "import fcntl; fcntl.fcntl(content, 1033, 8); found['got'] = 1",
    "opening it anew": "os.open(f'/proc/self/fd/{content}', os.O_RDWR); found['got'] = 1",
    "giving itself the word": "os.write(descriptors[1], b'whole'); found['got'] = 1",
}


@pytest.fixture(scope="module")
def captured(desk: Desk) -> Iterator[Child]:
    with closing(captured_classifier(desk.home)) as found:
        yield found


@pytest.mark.parametrize("name", ["nothing", *ATTACKS])
def test_a_captured_classifier_changes_nothing_of_what_is_being_opened(
    captured: Child, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it says is taken here whatever it is, to see that it had its chance."""
    attack = ATTACKS.get(name, "found['got'] = os.pread(content, 8, 0).decode()")
    asked = SimpleNamespace(dump_json=lambda _: json.dumps([attack, {}]).encode())
    monkeypatch.setattr("gateway.examiner.child.REQUEST", asked)
    request = Reading(reference=REFERENCE, name="x", today=date(2026, 11, 27))
    with following(captured, request, 60) as follower:
        assert follower is not None
        os.write(follower.memory, b"so far, ")
        said, given = captured.finish(time.monotonic() + 60)
        assert not given
        with Content(100, follower.memory) as content:
            content.write(b"and so on")
            descriptor, *_ = content.finish()
    assert os.pread(descriptor, 100, 0) == b"so far, and so on"
    os.close(descriptor)
    assert json.loads(said).get("got") == ("so far, " if name == "nothing" else None)
