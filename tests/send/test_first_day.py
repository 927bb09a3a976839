"""A secretary's first day at a pseudo-terminal, from the invitation to a verified receipt: `make first-day`.

All that is shown is in docs/schools.md, but for what differs each time: words, paths, references.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.content import core_data
from tests.send.office import PASSPHRASE, Office
from tests.send.test_terminal import Terminal, plainly
from tests.site import Running, Site
from tests.waiting import until

GUIDE = Path(__file__).parents[2] / "docs" / "schools.md"
NAME = "Oak Primary School"
pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
MASKS = (
    (r"\b(?:[a-z]{3,8} ){5}[a-z]{3,8}\b(?=$)", "SIX WORDS"),  # alone at the end of a line
    (r"/\S+/", "…/"),
    (r"\b\d{6}-oak-[0-9A-Z]{5}\b", "REFERENCE"),
    (r"port \d+", "port N"),
    (r"127\.0\.0\.1|gateway\.example\.gov\.uk", "HOST"),
    (r"Somerset|Anyshire", "COUNTY"),
    (r"\d+ pupils?", "N pupils"),
    (r"\d+ September \d{4}|\d{4}-\d\d", "YEAR"),
    (r"page \d+ of \d+", "page N of N"),
    (r"office@[\w.]+", "E-MAIL"),
    (r"\.[0-9a-f]{12}\.", ".DIGEST."),
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def services(site: Site) -> Iterator[Running]:
    with site.running() as running:
        yield running


def masked(line: str) -> str:
    for pattern, mask in MASKS:
        line = re.sub(pattern, mask, line)
    return " ".join(line.split())


def told(shown: str) -> list[str]:
    """The lines shown, masked; without progress and blank lines."""
    lines = (line.strip().rpartition("\r")[2] for line in plainly(shown).splitlines())
    return [masked(line) for line in lines if line.strip() and "━" not in line]


def test_the_first_day_takes_three_commands_and_two_comparisons(
    site: Site, services: Running, tmp_path: Path
) -> None:
    site.gateway("providers", "add", "oak", "--name", NAME, "--kind", "school")
    oak = Office.__new__(Office)
    oak.site, oak.name, oak.root, oak.kit = site, "oak", tmp_path, tmp_path / "kit"
    oak.passphrase = tmp_path / "passphrase"
    _, invitation, _, words = oak.invited(services.intake)
    shown = ""

    at = Terminal(oak, "setup", invitation)
    slip = words.split()
    slip[2] = "zoo" if slip[2] != "zoo" else "zone"
    for question, answer in (
        ("The six words that you hear: ", " ".join(slip)),
        ("The six words that you hear: ", words),
        ("The e-mail address of your office: ", "office"),
        ("The e-mail address of your office: ", "office@oak.invalid"),
        ("A passphrase for your keys: ", "OakPrimary2026!"),
        ("A passphrase for your keys: ", PASSPHRASE),
        ("The same once more: ", PASSPHRASE),
    ):
        at.until(question)
        at.type(answer)
    setup = at.rest()
    assert at.process.returncode == 0, setup
    assert "word 3, z" in setup
    shown += setup.replace(slip[2], "zoo")

    site.gateway("keys", "add", "oak", str(tmp_path / "oak.keys"))
    heard = plainly(setup).splitlines()[-2].split()
    assert site.gateway("keys", "confirm", "oak", *heard).count("is in force") == 2

    page = site.home / "published/providers/oak/pages/status.html"
    until(
        page.exists, "the first page of the school", 60
    )  # It is made within a minute, and checks rest on it.
    at = Terminal(oak, "ratify")
    at.until("The passphrase of your OpenPGP key: ")
    at.type(PASSPHRASE)
    pages = 0
    while not (seen := at.until("Enter goes on", "may ratify it for you: ")).endswith("for you: "):
        pages += 1
        at.type("")
    at.type("A. Head")
    at.until("such as headteacher: ")
    at.type("headteacher")
    at.until("[y/N]: ")
    at.type("y")
    ratified = at.rest()
    assert (at.process.returncode, "ACCEPTED" in ratified, pages > 3) == (0, True, True), (seen, ratified)
    asked, _, rest = ratified.partition("The agreement is kept in")
    paging = [line for line in plainly(asked).splitlines() if line.startswith(("The passphrase", "page "))]
    assert "<p>" not in asked
    shown += "\n".join([*paging, f"The agreement is kept in{rest}"])

    census = oak.file("census.xml", core_data(seed=1))
    at = Terminal(oak, str(census))
    at.until("The passphrase of your OpenPGP key: ")
    at.type(PASSPHRASE)
    sent = at.rest()
    assert (at.process.returncode, "receipt, verified: " in sent) == (0, True), sent
    shown += sent

    guide = {masked(line.strip()) for line in GUIDE.read_text("utf-8").splitlines()}
    missing = [line for line in told(shown) if line not in guide]
    assert missing == [], "\n".join(missing)
