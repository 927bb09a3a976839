"""One home and one service over it for all tests of this folder; each test has teams of its own."""

from collections.abc import Iterator
from itertools import count

import pytest

from tests.mailboxes.mailroom import Mailroom, open_memory
from tests.waiting import eventually

_numbers = count(1)


@pytest.fixture(scope="session")
def mailroom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mailroom]:
    """A home and the mailboxes over it."""
    made = Mailroom(tmp_path_factory.mktemp("mailroom"))
    with made.open():
        yield made


@pytest.fixture
def team() -> str:
    """A team that no other test uses."""
    return f"team-{next(_numbers)}"


@pytest.fixture
def person(mailroom: Mailroom, team: str) -> str:
    """A member of `team` and of no other; after the test nothing of theirs is left in memory."""
    name = f"of-{team}"
    mailroom.staff(name, team)
    return name


@pytest.fixture(autouse=True)
def _no_content_left() -> Iterator[None]:
    """Whatever a test does, no plaintext is left in memory behind it."""
    yield
    eventually(lambda: not open_memory())
