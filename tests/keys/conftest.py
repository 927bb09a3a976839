"""A gateway at work, for all tests of a file, and schools enrolled with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count

import pytest

from tests.keys.workshop import School, Workshop
from tests.openpgp.gnupg import Gnupg

_NUMBERS = count(1)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    with Workshop(tmp_path_factory.mktemp("shop")) as running:
        yield running


@pytest.fixture
def school(shop: Workshop) -> Iterator[Callable[..., School]]:
    """Enrols a school that no other test has. The clock is right again."""
    shop.set_right()
    with ExitStack() as stack:
        yield lambda name, **more: shop.school(
            f"{name}-{next(_NUMBERS)}", stack.enter_context(Gnupg()), **more
        )


@pytest.fixture
def oak(school: Callable[..., School]) -> School:
    return school("oak")
