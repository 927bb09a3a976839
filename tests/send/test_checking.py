"""A file is checked before it leaves: by the policies in force at the gateway, as the provider there."""

from __future__ import annotations

import gc
import json
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from gateway.classify.value_kinds import Judge
from gateway.home import Home
from gateway.samples import make, school
from gateway.send import sending
from gateway.send.checking import Check
from gateway.send.kit import Kit
from tests.classify.made import as_csv, core_rows, table
from tests.content import core_data
from tests.production.test_supply import REPOSITORY
from tests.send.office import Office, with_another_column
from tests.site import Site
from tests.waiting import until


@pytest.fixture(scope="module")
def oak(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    site = Site(tmp_path_factory.mktemp("site"))
    with site.running() as services:
        yield Office(site, "oak", services.intake, site.root / "oak")


@pytest.mark.long
def test_what_no_team_gets_stops_a_transfer_file(oak: Office) -> None:
    """It went out in silence, though `gateway classify` names both."""
    ctf = core_data(seed=51).replace(
        b"</BasicDetails>", b"</BasicDetails><Phones><PhoneNo>01632 960000</PhoneNo></Phones>"
        b"<Email>a@x.invalid</Email>", 1,
    )  # fmt: skip
    file = oak.file("with-phone.xml", ctf)
    before = len(oak.transfers())
    result = oak.send(str(file))
    assert result.exit_code == 1
    assert "does not list: Telephone number, E-mail address" in result.stderr
    assert len(oak.transfers()) == before
    (sent,) = oak.json(str(file), "--anyway", "--why", "the export cannot be changed this term")
    assert sent["state"] == "accepted"


def test_what_is_not_sent_is_told_in_words_and_as_what_a_receipt_would_say(oak: Office) -> None:
    """A code stood for a wrong UPN, and a file that stayed here was said to wait for a person there."""
    head, *rows = core_rows(6)
    upn = rows[2][head.index("UPN")]
    rows[2][head.index("UPN")] = ("A" if upn[0] != "A" else "B") + upn[1:]
    said = " ".join(oak.send(str(oak.file("upn.csv", as_csv([head, *rows]).encode()))).stderr.split())
    assert "error: 1 record (Pupil: UPN): The first letter of the UPN does not fit its digits." in said
    said = " ".join(oak.send(str(oak.file("letter.txt", b"Dear parents, school closes."))).stderr.split())
    assert "Its receipt would say: The file does not look like any kind of data" in said


def test_a_key_does_not_leave(oak: Office) -> None:
    """A secret key was sealed and sent where a person insisted, and staff of the authority could read it."""
    before = len(oak.transfers())
    settings = Kit(oak.kit).settings()
    for key, told in (
        (settings.openpgp_key, "is a secret key: never send it to anybody"),
        (settings.ssh_key, "is a secret key: never send it to anybody"),
        (
            Kit(oak.kit).certificate,
            "is a public key or a signature: give the file with the data",
        ),
    ):
        result = oak.send(str(key), "--anyway", "--why", "they asked for it")
        assert (result.exit_code, told in " ".join(result.stderr.split())) == (1, True), result.stderr
    assert len(oak.transfers()) == before


def test_a_value_that_no_team_gets_is_told_by_record_item_and_what_to_write(oak: Office) -> None:
    head, *rows = core_rows(6)
    rows[2][head.index("Gender")] = "F (born M)"
    file = oak.file("remark.csv", as_csv([head, *rows]).encode())
    said = " ".join(oak.send(str(file)).stderr.split())
    assert "policy:values-withheld" in said
    assert "1 record (Pupil: Gender): A code is not one of the published codes. No team gets this." in said
    assert "Write one of the codes M, F, U, 1 …, and nothing else in the cell. Records: 3." in said
    assert "born" not in said


@pytest.mark.long
def test_attendance_of_the_past_stops_and_that_of_the_week_before_does_not(oak: Office) -> None:
    head = "UPN,Surname,Forename,Date,Mark"
    last = datetime.now(UTC).date() - timedelta(days=7)
    for day, stops in ((date(2024, 6, 14), True), (last, False)):
        rows = table(head, lambda c, day=day: f"{c.upn},{c.surname},{c.forename},{day:%d/%m/%Y},/", 9)
        result = oak.send(str(oak.file(f"marks-{day}.csv", as_csv(rows).encode())))
        said = " ".join(result.stderr.split())
        told = "No day in the file is after 14 June 2024, so it does not count as this week's."
        assert (told in said) is stops
        assert ("policy:not-this-week" in said) is stops, said


def test_no_value_of_a_checked_file_stays_in_memory(oak: Office) -> None:
    """A watched folder keeps its check for days, with one file after another."""
    head, *rows = core_rows(3)
    file = oak.file("in-memory.csv", as_csv([head, *rows]).encode())
    oak.send(str(file))  # Which fetches the policies.
    check = Check.of(Kit(oak.kit))
    check.look_at(file, datetime.now(UTC).date())
    values = {row[head.index(name)] for row in rows for name in ("UPN", "Legal Surname")}
    judges = [one for one in gc.get_objects() if issubclass(type(one), Judge)]
    assert not [judge for judge in judges if values & judge.good]


def test_a_column_that_the_authority_lists_as_harmless_for_it_does_not_stop(oak: Office) -> None:
    """As that provider: only the gateway knows what was listed for it."""
    file = oak.file("shoes.csv", with_another_column(52))
    assert oak.send(str(file)).exit_code == 1
    oak.site.gateway("policy", "harmless", "add", "Shoe size", "--why", "sizes", "--provider", "oak")
    page = Home(oak.site.home).published.pages("oak") / "status.html"
    until(lambda: (page.exists() and "shoesize" in page.read_text()) or None, "the page tells of it", 90)
    (sent,) = oak.json(str(file))
    assert sent["state"] == "accepted"


def test_what_is_older_than_what_is_kept_is_not_taken(oak: Office) -> None:
    """Whoever captured intake could serve the policies of last year."""
    published = Home(oak.site.home).published
    served, page = published.common / "agreement" / "policies.asc", published.pages("oak") / "status.html"
    until(lambda: page.exists() or None, "what the gateway tells of it", 90)
    oak.json(str(oak.file("first.xml", core_data(seed=53))))

    def kept() -> dict[str, object]:
        told = json.loads((oak.kit / "checked-by.json").read_text())
        told.pop("page_at", None)  # A page that was published meanwhile is taken.
        return told

    before = kept()
    signed = served.read_bytes()
    served.write_bytes(signed.replace(b"telephone", b"television"))
    oak.json(str(oak.file("second.xml", core_data(seed=54))))
    served.write_bytes(signed)
    assert kept() == before


def test_a_fact_that_only_a_later_gateway_tells_is_passed_over(oak: Office) -> None:
    oak.json(str(oak.file("later.xml", core_data(seed=57))))
    kept = oak.kit / "checked-by.json"
    told = json.loads(kept.read_text())
    told["provider"] = {"kind": "school", "schools": ["9991234"], **told.get("provider", {}), "founded": 1902}
    kept.write_text(json.dumps(told))
    assert Check.of(Kit(oak.kit)).provider.ratified


@pytest.mark.long
def test_the_policies_are_those_of_the_authority(tmp_path: Path) -> None:
    """An authority in Wales has no phonics check."""
    site = Site(tmp_path, "--policies", str(REPOSITORY / "policies" / "cwm-alarch"))
    with site.running() as services:
        elm = Office(site, "elm", services.intake, tmp_path / "elm", ratified=False)
        rng = random.Random(55)
        phonics = make("phonics", "csv", rng=rng, school=school(rng, 1), pupils=5)
        page = Home(site.home).published.pages("elm") / "status.html"
        until(lambda: page.exists() or None, "what the gateway tells of it", 90)
        result = elm.send(str(elm.file("phonics.csv", phonics)))
        assert (result.exit_code, elm.transfers()) == (1, [])
        check = Check.of(Kit(elm.kit))
        assert (check.note, check.catalogue.flow_of("phonics")) == ("", None)


def test_without_the_authority_s_policies_nothing_is_checked_or_sent(
    oak: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by those of some other authority, that came with the program."""
    file = oak.file("unchecked.xml", core_data(seed=56))
    (oak.kit / "checked-by.json").unlink(missing_ok=True)
    served = Home(oak.site.home).published.common / "agreement" / "policies.asc"
    signed = served.read_bytes()
    served.unlink()
    before = len(oak.transfers())
    with monkeypatch.context() as patched:
        patched.setattr(sending, "_POLICIES_SECONDS", 0)
        result = oak.send(str(file))
    served.write_bytes(signed)
    assert (result.exit_code, "so nothing can be checked now" in result.stderr) == (4, True), result.stderr
    assert len(oak.transfers()) == before
    (sent,) = oak.json(str(file))
    assert sent["state"] == "accepted"
