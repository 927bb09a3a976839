"""What is kept in the repository lies in it: no link leads out of it, to a folder of one machine."""

from __future__ import annotations

import subprocess

from tests.house.test_imports import REPOSITORY


def test_no_link_leads_out_of_the_repository() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--stage"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout
    files = [line.partition("\t") for line in listed.split("\0") if line]
    links = [REPOSITORY / name for mode, _, name in files if mode.startswith("120000")]
    assert links, "policies/somerset is made of links"
    assert [link for link in links if not link.resolve().is_relative_to(REPOSITORY.resolve())] == []
    assert all(link.exists() for link in links)
