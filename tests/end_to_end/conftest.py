"""A running gateway with one school and one member of staff, shared by the tests of a file."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.gateway_site import Party, Running, Site


@dataclass(frozen=True)
class Scene:
    """A school (oak), a person of the central data team (jane), and the services they reach."""

    site: Site
    oak: Party
    jane: Party
    services: Running


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    site = Site(tmp_path_factory.mktemp("scene"))
    oak, jane = site.provider("oak"), site.staff("jane", "central-data-team")
    with site.running() as services:
        yield Scene(site, oak, jane, services)


@pytest.fixture
def gnupg(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A private GNUPGHOME; its agent is ended afterwards."""
    home = tmp_path_factory.mktemp("g")
    home.chmod(0o700)
    yield home
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False, capture_output=True)
