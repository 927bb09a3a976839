"""A captured courier can only lie about letters: what it puts into letters/done/ stops nothing inside."""

from __future__ import annotations

import ast
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from gateway.errors import ConfigurationError
from gateway.home.settings import load_settings
from gateway.publish.letters_out import pass_letters
from gateway.registry import letters
from gateway.registry.letters import Letter
from gateway.registry.tables import LetterRow
from gateway.ssh.server import fingerprint
from tests.attacks.odd_uploads import bound
from tests.workshop import Desk

GATEWAY = Path(__file__).parents[2] / "gateway"
ODD: dict[str, Callable[[Path], object]] = {
    "a named pipe": os.mkfifo,
    "a socket": bound,
    "a folder": Path.mkdir,
    "an endless link": lambda path: path.symlink_to("/dev/zero"),
    "a link to a secret": lambda path: path.symlink_to(path.parents[2] / "keys" / "log.pem"),
    "a link to nothing": lambda path: path.symlink_to("nothing"),
    "1 TiB of nothing": lambda path: (path.touch(), os.truncate(path, 1024**4)),
}
# Folders that a zone outside may write, as code names them; and who reads what it wrote there itself.
WRITTEN_OUTSIDE = {"done", "spool", "landed", "recent", "partial", "host", "listed"}
THEIR_OWN = ("intake", "courier", "send", "console")
# What a function that names such a folder may open: the folder itself, without links, and the inside's own.
OF_THE_INSIDE = {
    ("zones/spool.py", "os.open(spool.landed, FOLDER_FLAGS)"),
    ("zones/spool.py", "os.open(landed, FOLDER_FLAGS)"),
    ("processor/rounds.py", "(registrar.home.published.root / _CURSOR).read_text('ascii')"),
    ("publish/letters_out.py", "place.settings.read_text('utf-8')"),
    ("homes/demo/story.py", "path.read_bytes()"),  # Of a home that it made; `done` is another there.
    ("homes/backup.py", "kept.read_text('utf-8')"),  # Of a backup.
    ("homes/new_host.py", "path.read_bytes()"),
    ("homes/new_host.py", "home.settings.read_text('utf-8')"),
}


@contextmanager
def not_for_ever() -> Iterator[None]:
    """Fail where the process waits for whoever made a pipe."""

    def end(_number: int, _frame: object) -> None:
        raise AssertionError("it waits")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(20)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    made = Desk(tmp_path_factory.mktemp("desk"))
    with made.home.settings.open("a") as settings:
        settings.write('\n[letters]\nrelay = "127.0.0.1"\nsender = "gateway@test.invalid"\n')
    yield made
    made.close()


@pytest.fixture
def two(desk: Desk, request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """Two letters that are owed and laid out, and nothing else; as files name them."""
    owed = [
        Letter(event=f"{request.node.name}:{n}", recipient="office@oak.invalid", kind="", subject="", text="")
        for n in range(2)
    ]
    with desk.registry.write() as session:
        letters.owe(session, owed, "test.invalid/log", desk.now)
    passed(desk)
    first, second = sorted(path.stem for path in desk.home.letters.out.iterdir())
    yield first, second
    shutil.rmtree(desk.home.letters.done)
    with desk.registry.write() as session:
        for number in (first, second):
            letters.note(session, int(number), at=desk.now, refused=None)
    shutil.rmtree(desk.home.letters.out)


def passed(desk: Desk) -> dict[str, LetterRow]:
    """What is on record of the letters after one more pass."""
    with not_for_ever():
        pass_letters(desk.registry, desk.home.letters, load_settings(desk.home).letters, desk.now)
    with desk.registry.read() as session:
        return {f"{row.number:010}": row for row in letters.listed(session)}


@pytest.mark.parametrize("odd", ODD)
def test_what_the_courier_should_never_have_made_is_set_aside_alone(
    desk: Desk, two: tuple[str, str], odd: str
) -> None:
    place, (first, second) = desk.home.letters, two
    ODD[odd](place.done / first)
    (place.done / second).touch()
    known = passed(desk)
    assert known[second].sent_at is not None
    assert (known[first].sent_at, known[first].refused) == (None, None)
    assert [path.name for path in place.out.iterdir()] == [f"{first}.eml"], "that letter goes once more"
    assert not os.path.lexists(place.done / first)
    (place.done / first).touch()
    assert passed(desk)[first].sent_at is not None


def test_a_note_of_no_text_is_on_record_as_what_can_be_shown(desk: Desk, two: tuple[str, str]) -> None:
    (desk.home.letters.done / two[0]).write_bytes(b"refused\0 \xff\x1b[2J\nwith 550" + b"x" * 1_000)
    (desk.home.letters.done / two[1]).touch()
    known = passed(desk)
    assert known[two[0]].refused == "refused? ??[2J?with 550".ljust(100, "x")
    assert known[two[1]].sent_at is not None


@pytest.mark.parametrize("name", ["9" * 40, "9" * 200, "\u0663" * 10, "1", "0x1", "0000000001.aside"])
def test_a_name_that_is_no_letters_is_left_alone(desk: Desk, two: tuple[str, str], name: str) -> None:
    (desk.home.letters.done / name).touch()
    (desk.home.letters.done / two[1]).touch()
    known = passed(desk)
    assert known[two[0]].sent_at is None
    assert known[two[1]].sent_at is not None
    assert (desk.home.letters.done / name).exists()


@pytest.mark.parametrize("odd", ODD)
def test_a_host_key_that_intake_should_never_have_made_keeps_nobody_waiting(tmp_path: Path, odd: str) -> None:
    host = tmp_path / "spool" / "host"
    host.mkdir(parents=True)
    ODD[odd](host / "key.pub")
    with not_for_ever():
        found = None
        with suppress(ConfigurationError):
            found = fingerprint(host / "key")
    assert found is None


def test_nothing_inside_reads_what_another_zone_writes_but_in_the_one_place() -> None:
    """By name: a function that names such a folder reads no file by itself."""
    found = {
        (str(path.relative_to(GATEWAY)), call)
        for path in GATEWAY.rglob("*.py")
        if path.relative_to(GATEWAY).parts[0] not in THEIR_OWN
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and names(function) & WRITTEN_OUTSIDE
        for call in reading(function)
    }
    assert found - OF_THE_INSIDE == set()


def names(function: ast.AST) -> set[str]:
    """The attributes of anything that a function names."""
    return {node.attr for node in ast.walk(function) if isinstance(node, ast.Attribute)}


def reading(function: ast.AST) -> Iterator[str]:
    """Yield the calls of a function that read a file by its path."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in {"open", "os.open"} or (
                called.endswith((".read_text", ".read_bytes", ".open")) and called != "tarfile.open"
            ):
                yield ast.unparse(node)
