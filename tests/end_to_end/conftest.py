"""A running gateway with one school and one member of staff, shared by the tests of a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.site import Party, Running, Site


@dataclass(frozen=True)
class Scene:
    """A school (oak), a person of the central data team (jane), and the services they reach."""

    site: Site
    oak: Party
    jane: Party
    services: Running


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    site = Site(tmp_path_factory.mktemp("scene"), workers=1)
    oak, jane = site.provider("oak"), site.staff("jane", "central-data-team")
    with site.running() as services:
        yield Scene(site, oak, jane, services)
