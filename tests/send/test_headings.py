"""A heading that nobody understands is asked about once; the answer is signed, counts, and may be revoked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.home import Home
from gateway.zones.headings import written
from tests.classify.made import as_csv, core_rows
from tests.send.office import Office
from tests.site import Running, Site
from tests.waiting import until

pytestmark = pytest.mark.long

HEADING = "How Taken Here"
TEAM = "admissions-and-entitlements"


@pytest.fixture(scope="module")
def services_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Office, Running]]:
    site = Site(tmp_path_factory.mktemp("site"), workers=1)
    with site.running() as services:
        yield Office(site, "oak", services.intake, site.root / "oak"), services


def content(number: int, heading: str = HEADING, value: str = "WLK") -> bytes:
    head, *rows = core_rows(12)
    rows[0][head.index("Address")] = f"{number} Low Road"
    return as_csv([[*head, heading], *([*row, value] for row in rows)]).encode()


def _told(oak: Office, word: str, *, there: bool = True) -> None:
    page = Home(oak.site.home).published.pages("oak") / "status.html"
    until(lambda: (page.exists() and (word in page.read_text()) == there) or None, "what the page tells", 90)


@pytest.mark.timeout(600)
def test_a_heading_is_asked_about_once_and_counts_from_then_on(services_of: tuple[Office, Running]) -> None:
    oak, services = services_of
    jane = oak.site.staff("jane", TEAM)
    file = oak.file("one.csv", content(1))
    said = oak.send(str(file)).stderr
    assert f"is headed {HEADING}; if it is an item of the agreement, say so" in said
    refused = oak.send("headings", str(file), "--means", f"{HEADING}=sex")
    assert "what stands under it is not one of the codes" in refused.stderr or refused.exit_code == 1
    assert "is none of" in oak.send("headings", str(file), "--means", f"{HEADING}=upn").stderr
    assert "nothing is asked about Gender" in oak.send("headings", str(file), "--means", "Gender=sex").stderr
    done = oak.done("headings", str(file), "--means", f"{HEADING}=travel-mode")
    assert "key:headings-taken" in done
    (row,) = oak.site.json("headings", "list")
    assert (row["provider"], row["heading"], row["item"]) == ("oak", HEADING, "travel-mode")
    assert row["said_by"].startswith("the key ")
    _told(oak, "travel-mode")
    (sent,) = oak.json(str(oak.file("two.csv", content(2))), "--anyway", "--why", "it has a telephone number")
    assert "policy:unlisted-left-out" not in {reason["code"] for reason in sent["reasons"]}
    with jane.sftp(services.mailboxes) as session:
        name = next(
            one for one in session.listdir(f"/{TEAM}") if sent["reference"] in one and "about" not in one
        )
    assert b"WLK" in jane.get(services.mailboxes, f"/{TEAM}/{name}")
    assert "understood" in oak.send("headings", str(oak.file("three.csv", content(3)))).stderr
    oak.site.gateway("headings", "revoke", HEADING, "--provider", "oak", "--why", "it was the way home")
    assert oak.site.json("headings", "list") == []
    _told(oak, "travel-mode", there=False)
    (later,) = oak.json(str(oak.file("four.csv", content(4))), "--anyway", "--why", "as above")
    assert "policy:unlisted-left-out" in {reason["code"] for reason in later["reasons"]}
    kinds = [event.kind for event in _events(oak)]
    assert kinds.count("column-listed") == kinds.count("column-unlisted") == 1


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        (written([("Social Worker", "travel-mode")]), "key:headings-refused"),
        (written([("Their No", "upn")]), "key:headings-refused"),
        (written([(HEADING, "travel-mode")]) + "and more\n", "key:headings-malformed"),
        (written([]), "key:headings-malformed"),
        (written([("Locker", "")]), "key:headings-taken"),
    ],
)
def test_a_statement_says_nothing_of_sensitive_headings_nor_who_a_pupil_is(
    services_of: tuple[Office, Running], statement: str, code: str
) -> None:
    oak, services = services_of
    elm = oak.site.provider(f"elm-{abs(hash(statement)) % 10_000}")
    elm.put(services.intake, "/keys/headings.pgp", elm.seal(statement.encode(), oak.site.certificate))

    def decided() -> list[str] | None:
        found = [one for one in oak.site.transfers("--provider", elm.name) if one["state"] != "landed"]
        return [reason["code"] for one in found for reason in one["reasons"]] or None

    assert until(decided, "what becomes of it") == [code]
    assert {row["item"] for row in oak.site.json("headings", "list", "--provider", elm.name)} == (
        {"something else"} if code == "key:headings-taken" else set()
    )


def _events(oak: Office):
    from gateway.registry import log  # noqa: PLC0415
    from gateway.registry.database import Registry  # noqa: PLC0415

    registry = Registry(f"sqlite:///{Home(oak.site.home).registry}")
    with registry.read() as session:
        found = log.events(session, "oak")
    registry.close()
    return found
