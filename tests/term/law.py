"""The law of the next year: its pack comes into force, and every difference is one of its entries."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from datetime import date

from gateway.home import Home
from gateway.home.settings import load_settings
from gateway.law import load_packs
from gateway.model import Classified
from gateway.policy.catalogue import load_catalogue
from gateway.registry import transfers
from gateway.registry.database import Registry
from tests.layouts.by_layout import draw
from tests.policies import POLICIES
from tests.term.clock import put_forward
from tests.term.schools import Sender
from tests.term.year import SHORT, Year

NEXT, SEPTEMBER, CENSUS = "2026-27", date(2026, 9, 1), date(2026, 10, 3)
_OLD, _NEW = load_packs(POLICIES)
FOUND = {
    "": set(),
    "wrong code": {"code:unknown"},
    "missing element": {"item:missing"},
    "old version": {"classify:version-old"},
}
"""By seeded error, what a return is told of it."""


def the_law_turns(year: Year) -> Counter[str]:
    """The schools ratify for the coming year, and send what its law asks for, one in two with an error.

    Each error is found, and nothing else. Decided by other packs, the returns differ by entries of that pack
    alone. Return how many had which error.
    """
    put_forward(SEPTEMBER)
    if year.size == SHORT:  # In the whole year, that is done in July.
        year.office.type("year", "open", NEXT, "--why", "the coming year")
    text = load_catalogue(year.office.home / "policies").agreement_text.encode()
    for one in year.schools.schools:
        year.schools.land(one, one.signed(text), "agreement.txt", "agreement")
    year.process()
    put_forward(CENSUS, "15:30")
    errors = ["wrong code", "missing element", "old version", "", "", ""]
    sent = {}
    for number, one in enumerate(year.schools.schools):
        error = errors[number % len(errors)]
        for content in _returns(one, error):
            reference = year.schools.send(one, content, f"{len(sent)}.pgp")
            sent[reference] = error if (b"<CTfile>" in content) == (error == "old version") else ""
    year.schools.landed()
    year.process()
    for reference, told in _told(year, sent).items():
        assert told == FOUND[sent[reference]], (reference, sent[reference], told)
    _replayed(year, sent)
    return Counter(sent.values())


def _returns(one: Sender, error: str) -> tuple[bytes, bytes]:
    """The census of autumn and a transfer file of a school; one of them has the error."""
    census = draw(_NEW, _NEW.layouts["census"], "autumn", of=one.school).decode()
    if error == "wrong code":
        census = census.replace("<KinshipCare>KF<", "<KinshipCare>Q<", 1)
    if error == "missing element":
        census = re.sub(r"<EnrolStatus>\w</EnrolStatus>", "", census, count=1)
    version = "23.0" if error == "old version" else "26.0"
    transfer = draw(_NEW, _NEW.layouts["ctf"], version=version, of=one.school)
    assert one.school is not None
    # A school that became an academy has another URN since.
    return census.encode(), transfer.replace(f"<URN>{one.school.urn}</URN>".encode(), b"")


def _told(year: Year, sent: dict[str, str]) -> dict[str, set[str]]:
    """What each return was told: its findings, and what was said of its version. All were taken."""
    home = Home(year.office.home)
    registry = Registry(load_settings(home).database_url(home))
    told = {}
    try:
        with registry.read() as session:
            for reference in sent:
                transfer = transfers.get(session, reference)
                assert transfer.state == "accepted", (reference, transfer.reasons)
                assert isinstance(transfer.content, Classified)
                codes = {reason.code for reason in transfer.reasons} & FOUND["old version"]
                told[reference] = {each.code for each in transfer.content.findings} | codes
    finally:
        registry.close()
    return told


def _replayed(year: Year, sent: dict[str, str]) -> None:
    """Decide the returns again where the pack is missing, and where its year begins later.

    Without the pack nobody knows its version of the Common Transfer File. Before its first day a return may
    not hold what it asks for, kinship care. All others are decided as before.
    """
    asked = {item for each in _NEW.lawful for item in each.items}
    assert asked - {item for each in _OLD.lawful for item in each.items} == {"Kinship care"}
    half, old = len(sent) // 2, list(sent.values()).count("old version")
    without = shutil.copytree(Home(year.office.home).policies_in_force, year.folder / "without")
    late = (without / f"law-{NEXT}.toml").rename(year.folder / f"law-{NEXT}.toml")
    days = {"first = 2026-09-01": "first = 2027-09-01", "last = 2027-08-31": "last = 2028-08-31"}
    late.write_text(re.sub("|".join(days), lambda each: days[each[0]], late.read_text("utf-8")), "utf-8")
    for other, code, waits in (
        ([str(without)], "classify:version-unknown", half - old),
        (["--pack", str(late)], "policy:sensitive", half),
    ):
        found = year.office.ask("policy", "simulate", *other, "--days", "2")
        assert (found["files"], found["same"]) == (len(sent), len(sent) - waits), found
        assert all(code in change["after"] for change in found["changes"]), found
