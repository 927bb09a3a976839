"""What is due is deleted, on record and with a certificate; what is on hold is not; all else still fits."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.errors import Fault
from gateway.openpgp.certificates import admit
from gateway.openpgp.sealer import verify_clearsigned
from gateway.processor import retention
from gateway.record.registrar import Registrar
from gateway.registry import deliveries, holds
from gateway.registry.retention import kept
from gateway.registry.tables import DeclarationRow, DeletionRow
from gateway.registry.tables.row import rows
from gateway.verify.verify_files import verify_receipt_files
from tests.clock import THIS_YEAR
from tests.content import core_data
from tests.policies import enact
from tests.sealed import sealed_file
from tests.whole import collect, jane
from tests.workshop import Desk

YEARS = THIS_YEAR
NAME = "the unmistakable name.xml.pgp"


@pytest.fixture
def sent(desk: Desk) -> str:
    """An accepted file that jane has collected, under a name that is easy to find."""
    oak = desk.provider("oak", years=YEARS)
    reference = desk.send(oak, core_data(), NAME)
    desk.process()
    collect(desk, jane(desk), "central-data-team", reference)
    return reference


def run(desk: Desk, days: float, **options: object) -> str | None:
    """The certificate of a run so many days from now, as its text."""
    desk.pass_time(days=days)
    with desk.registrar() as registrar:
        signed = retention.run(registrar, desk.now, by="admin", **options)  # type: ignore[arg-type]
    if signed is None:
        return None
    said, _ = verify_clearsigned(signed, [desk.certificate.encode()])
    return said


def fits(desk: Desk) -> None:
    assert "everything fits" in desk.gateway("log", "verify", "--sealed")


def fields(desk: Desk, reference: str) -> list[dict[str, object]]:
    """What the log says of each deletion."""
    events = [event for event in desk.events(reference) if event.kind == "deleted"]
    return [json.loads(event.leaf)["fields"] for event in events]


def test_a_file_goes_when_its_time_is_over_and_its_receipts_stay(desk: Desk, sent: str) -> None:
    digest = desk.transfer(sent).upload.sha256
    assert run(desk, 399) is None
    assert sealed_file(desk.home, sent).exists()
    certificate = run(desk, 2)
    assert certificate is not None
    assert "Deletions  1" in certificate
    assert (sent in certificate, digest[:32] in certificate, digest[32:] in certificate) == (True,) * 3
    assert not sealed_file(desk.home, sent).exists()
    (said,) = fields(desk, sent)
    assert {name: said[name] for name in ("what", "rule", "data_type", "sha256")} == {
        "what": "sealed", "rule": "sealed-student-core", "data_type": "student-core", "sha256": digest,
    }  # fmt: skip
    with desk.registry.read() as session:
        teams = desk.transfer(sent).teams
        assert teams
        assert {deliveries.find_delivered(session, team, sent) for team in teams} == {None}
    receipts = desk.receipts("oak", f"*.{sent}.*")
    assert {path.suffix for path in receipts} >= {".txt", ".json"}
    assert all(one.good for one in verify_receipt_files(receipts, desk.certificate.encode()))
    fits(desk)
    assert run(desk, 1) is None


def test_after_seven_years_nothing_names_the_file_or_who_opened_it(
    desk: Desk, sent: str, tmp_path: Path
) -> None:
    kept = tmp_path / "kept by the school"
    kept.mkdir()
    for path in desk.receipts("oak", f"*.{sent}.*"):
        shutil.copy(path, kept)
    assert found(desk, NAME)
    certificate = run(desk, 2558)
    assert certificate is not None
    assert "Deletions  4" in certificate
    assert desk.receipts("oak", f"*.{sent}.*") == []
    assert [said["what"] for said in fields(desk, sent)] == ["sealed", "receipts", "index", "people"]
    desk.process()  # The page of what came is made anew.
    desk.registry.close()
    assert found(desk, NAME) == []
    assert {event.actor for event in desk.events(sent) if event.kind != "deleted"} == {None}
    assert {event.salt for event in desk.events(sent) if event.kind != "deleted"} == {None}
    fits(desk)
    # What the school has is as good as ever.
    receipts = sorted(kept.iterdir())
    assert all(one.good and one.anchored for one in verify_receipt_files(receipts, desk.certificate.encode()))
    (json_receipt,) = kept.glob("*.json")
    assert "everything fits" in desk.gateway("log", "verify", "--checkpoint", str(json_receipt))
    assert "the file _" in " ".join(desk.gateway("report", "transfer", sent).split())
    # A processor that starts brings nothing back.
    desk.process()
    assert desk.receipts("oak", f"*.{sent}.*") == []
    fits(desk)


def test_receipts_that_a_fast_clock_took_back_are_given_back(desk: Desk, sent: str) -> None:
    before = {path.name: path.read_bytes() for path in desk.receipts("oak", "*")}
    assert any(sent in name for name in before)
    desk.pass_time(days=365)
    desk.process()
    assert desk.receipts("oak", f"*.{sent}.*") == []
    desk.pass_time(days=-365)
    desk.process()
    assert {path.name: path.read_bytes() for path in desk.receipts("oak", "*")} == before


def test_receipts_that_were_taken_back_in_time_stay_away(desk: Desk, sent: str) -> None:
    desk.pass_time(days=61)
    desk.process()
    desk.pass_time(hours=2)
    desk.process()
    assert desk.receipts("oak", f"*.{sent}.*") == []


def test_receipts_stay_away_where_a_power_cut_took_the_number_of_the_last_one(desk: Desk, sent: str) -> None:
    desk.pass_time(days=61)
    desk.process()
    (desk.home.published.root / ".receipts").write_text("")
    desk.process()
    desk.pass_time(hours=2)
    desk.process()
    assert desk.receipts("oak", f"*.{sent}.*") == []


def test_names_may_go_before_the_means_to_prove_them(desk: Desk, sent: str) -> None:
    policy = desk.home.policies / "retention.toml"
    before, people = policy.read_text("utf-8").split("[people]")
    policy.write_text(f"{before}[people]{people.replace('2557', '5000')}", "utf-8")
    enact(desk.home.root)
    certificate = run(desk, 2558)
    assert certificate is not None
    assert "Deletions  3" in certificate
    assert {event.salt is None for event in desk.events(sent) if event.kind == "decided"} == {False}
    fits(desk)


def found(desk: Desk, text: str) -> list[Path]:
    """The files of the home that hold a text, or have it in their names."""
    return [
        path
        for path in desk.home.root.rglob("*")
        if path.is_file() and (text.encode() in path.read_bytes() or text in path.name)
    ]


def test_only_what_retention_took_may_be_missing(desk: Desk, sent: str) -> None:
    with desk.registry.write() as session:
        session.execute(text("update event set salt = null, actor = null where kind = 'collected'"))
    assert "the salt of its commitments is missing" in desk.gateway("log", "verify", code=1)


def test_a_legal_hold_keeps_everything_until_it_is_lifted(desk: Desk, sent: str) -> None:
    desk.gateway("legal-holds", "place", sent, "--why", "a question of the court")
    assert "on hold already" in desk.gateway("legal-holds", "place", sent, "--why", "again", code=1)
    (hold,) = json.loads(desk.gateway("legal-holds", "list", "--json"))
    assert (hold["reference"], hold["why"]) == (sent, "a question of the court")
    assert run(desk, 2558) is None
    assert sealed_file(desk.home, sent).exists()
    desk.gateway("legal-holds", "lift", sent, "--why", "answered")
    assert "is not on hold" in desk.gateway("legal-holds", "lift", sent, "--why", "again", code=1)
    assert json.loads(desk.gateway("legal-holds", "list", "--json")) == []
    assert [kind for kind in desk.kinds(sent) if kind.startswith("hold")] == ["hold-placed", "hold-lifted"]
    assert run(desk, 1) is not None
    assert not sealed_file(desk.home, sent).exists()
    fits(desk)
    assert "there is no transfer" in desk.gateway(
        "legal-holds", "place", "261124-oak-00000", "--why", "x", code=1
    )
    assert "needs a reason" in desk.gateway("legal-holds", "place", sent, "--why", " ", code=2)


def test_a_hold_that_is_placed_while_a_run_is_under_way_counts(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    oak = desk.provider("oak", years=YEARS)
    # What fell due at once is deleted in the order of the references.
    references = sorted(desk.send(oak, core_data(seed), f"{seed}.pgp") for seed in (1, 2, 3))
    desk.process()
    monkeypatch.setattr(retention, "_BATCH", 1)
    placed = iter([references[2]])

    def between(_: int) -> None:
        for reference in placed:
            with desk.registry.write() as session:
                holds.place(session, reference=reference, by="admin", why="in time", at=desk.now)

    certificate = run(desk, 401, progress=between)
    assert certificate is not None
    assert "Deletions  2" in certificate
    assert [sealed_file(desk.home, reference).exists() for reference in references] == [False, False, True]
    fits(desk)


def test_what_is_not_decided_is_never_due(desk: Desk) -> None:
    fft = desk.provider("fft", "fft")
    held = desk.land(fft, fft.seal(b"A letter.", desk.certificate), "letter.pgp")
    desk.process()
    assert desk.state(held) == "held"
    assert run(desk, 36_000) is None
    assert sealed_file(desk.home, held).exists()
    assert json.loads(desk.gateway("retention", "plan", "--on", "2090-01-01", "--json")) == {
        "due": [], "on_hold": [], "undecided": [held],
    }  # fmt: skip


@pytest.fixture
def long_ago(desk: Desk) -> list[str]:
    """Files that were refused so long ago that they are due today: nobody could read them."""
    oak = desk.provider("oak", years=YEARS)
    desk.pass_time(days=-120)
    references = [desk.land(oak, f"nonsense {n}".encode(), f"{n}.pgp") for n in range(3)]
    desk.process()
    assert {desk.state(reference) for reference in references} == {"refused"}
    desk.pass_time(days=120)
    return references


def test_a_clock_that_ran_far_ahead_deletes_nothing_by_command(
    desk: Desk, long_ago: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine lost its time, services wrote by it, and the night's run that was missed begins."""
    monkeypatch.setattr("gateway.cli.retention.now", lambda: desk.now)
    desk.pass_time(days=3650)
    desk.land(desk.provider("elm"), b"nonsense", "again.pgp")
    desk.process()
    assert "see that the clock is right" in desk.gateway("retention", "run", code=1)
    assert all(sealed_file(desk.home, reference).exists() for reference in long_ago)
    desk.gateway("retention", "run", "--on", f"{desk.now:%Y-%m-%d}")
    assert not any(sealed_file(desk.home, reference).exists() for reference in long_ago)


def test_a_day_given_ends_by_the_clocks_of_the_authority(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.cli.retention.now", lambda: desk.now)
    desk.now = datetime(2027, 4, 1, 23, 20, tzinfo=UTC)
    desk.land(desk.provider("oak", years=YEARS), b"nonsense", "one.pgp")
    desk.process()
    planned = json.loads(desk.gateway("retention", "plan", "--on", "2090-01-01", "--json"))["due"]
    (row,) = [one for one in planned if one["what"] == "sealed"]
    due = datetime.fromisoformat(row["due_since"])
    before, day = f"{due:%Y-%m-%d}", f"{due + timedelta(days=1):%Y-%m-%d}"  # Twenty past midnight in summer.
    assert "nothing is due" in desk.gateway("retention", "plan", "--on", before)
    assert row["reference"] in desk.gateway("retention", "plan", "--on", day)
    desk.now = due + timedelta(minutes=5)
    assert "nothing is due" in desk.gateway("retention", "run", "--on", before)
    assert row["reference"] in desk.gateway("retention", "run", "--on", day)


def test_by_command_the_plan_then_the_run_then_the_certificate(desk: Desk, long_ago: list[str]) -> None:
    plan = json.loads(desk.gateway("retention", "plan", "--json"))
    assert [(due["reference"], due["what"], due["rule"]) for due in plan["due"]] == [
        (reference, "sealed", "sealed-refused") for reference in sorted(long_ago)
    ]
    assert all(sealed_file(desk.home, reference).exists() for reference in long_ago)
    tomorrow = f"{desk.now + timedelta(days=1):%Y-%m-%d}"
    assert "not due yet" in desk.gateway("retention", "run", "--on", tomorrow, code=1)
    long_before = f"{desk.now - timedelta(days=60):%Y-%m-%d}"
    assert "nothing is due" in desk.gateway("retention", "run", "--on", long_before)
    printed = desk.gateway("retention", "run")
    said, _ = verify_clearsigned(printed, [desk.certificate.encode()])
    assert "Deletions  3" in said
    assert not any(sealed_file(desk.home, reference).exists() for reference in long_ago)
    assert (
        desk.gateway("retention", "certificate") == desk.gateway("retention", "certificate", "1") == printed
    )
    assert "no such certificate" in desk.gateway("retention", "certificate", "2", code=1)
    assert "nothing is due" in desk.gateway("retention", "run")
    fits(desk)


def test_what_left_no_file_behind_gets_its_certificate_too(desk: Desk) -> None:
    with desk.registrar() as registrar:
        assert retention.finish(registrar) is None
        with desk.registry.write() as session:
            of_it = {"reference": "261124-oak-00001", "what": "people", "rule": "people"}
            session.add(DeletionRow(**of_it, since=desk.now, deleted_at=desk.now))
            registrar.sign_head(session, desk.now)
        said, _ = verify_clearsigned(retention.finish(registrar) or "", [desk.certificate.encode()])
        assert "Deletions  1" in said
        assert retention.finish(registrar) is None


KILLED_BEFORE_THE_FILES_GO = """
import os, signal, sys
from gateway.processor import retention
retention.store_of = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
from gateway.cli import main
sys.argv = ["gateway", "retention", "run", "--home", sys.argv[1]]
main()
"""


@pytest.mark.long
def test_killed_between_the_record_and_the_files_it_is_finished_at_the_next_start(
    desk: Desk, long_ago: list[str]
) -> None:
    command = [sys.executable, "-c", KILLED_BEFORE_THE_FILES_GO, str(desk.home.root)]
    assert subprocess.run(command, check=False, capture_output=True, timeout=60).returncode == -9
    assert all(sealed_file(desk.home, reference).exists() for reference in long_ago)
    assert [len(fields(desk, reference)) for reference in long_ago] == [1, 1, 1]
    fits(desk)  # On record as going is not yet on record as gone.
    desk.process()
    assert not any(sealed_file(desk.home, reference).exists() for reference in long_ago)
    said, _ = verify_clearsigned(desk.gateway("retention", "certificate"), [desk.certificate.encode()])
    assert "Deletions  3" in said
    fits(desk)
    assert [len(fields(desk, reference)) for reference in long_ago] == [1, 1, 1]


def test_a_file_that_cannot_be_removed_is_a_fault_and_not_forgotten(desk: Desk, long_ago: list[str]) -> None:
    stubborn = sealed_file(desk.home, long_ago[0])
    content = stubborn.read_bytes()
    stubborn.unlink()
    stubborn.mkdir()
    with desk.registrar() as registrar, pytest.raises(Fault, match="could not be removed"):
        retention.run(registrar, desk.now, by="admin")
    assert "no such certificate" in desk.gateway("retention", "certificate", code=1)
    stubborn.rmdir()
    stubborn.write_bytes(content)
    assert run(desk, 0) is not None
    assert not stubborn.exists()
    fits(desk)


def test_the_copy_in_a_provider_s_out_goes_with_the_file(copy: Desk) -> None:
    (out,) = (copy.home.published.provider("ash") / "out").glob("*.pgp")
    assert run(copy, 401) is not None
    assert not out.exists()
    fits(copy)
    copy.process()
    assert not out.exists()


def test_progress_adds_up_to_what_is_due(desk: Desk, long_ago: list[str]) -> None:
    steps: list[int] = []
    run(desk, 0, progress=steps.append)
    assert sum(steps) == len(long_ago)


def test_a_long_run_asks_for_no_file_again_and_again(
    desk: Desk, long_ago: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def noting(registrar: Registrar, files: Sequence[str]) -> None:
        asked.extend(files)
        remove(registrar, files)

    remove = retention._remove
    monkeypatch.setattr(retention, "_remove", noting)
    monkeypatch.setattr(retention, "_BATCH", 1)
    assert run(desk, 0) is not None
    assert Counter(asked) == dict.fromkeys(asked, 2), "in its batch, and before the certificate"
    assert not any(sealed_file(desk.home, reference).exists() for reference in long_ago)


@pytest.fixture
def told(desk: Desk) -> dict[str, str]:
    """A notice on a key, one on a discrepancy, and the receipts of a declaration; their references."""
    oak, elm = desk.provider("oak", years=YEARS), desk.provider("elm", years=YEARS)
    for party in (oak, elm):
        desk.send(party, core_data())
        desk.process()
    desk.gateway("keys", "retire", "elm", admit(elm.certificate.read_bytes(), desk.now).fingerprint)
    desk.gateway(
        "declarations", "add", "--method", "post", "--provider", "oak", "--data", "safeguarding",
        "--safeguard", "special-delivery", "--safeguard", "return-address", "--safeguard", "addressee-only",
    )  # fmt: skip
    (key,) = desk.receipts("elm", "key-notice.*")
    (discrepancy, *_) = desk.receipts("oak", "NOTICE.*")
    (declaration,) = desk.receipts("oak", "DECLARED*.txt")
    named = {"keys": key, "discrepancies": discrepancy, "declaration": declaration}
    return {what: path.name.removesuffix(".txt").rpartition(".")[2] for what, path in named.items()}


@pytest.mark.parametrize(
    ("kinds", "kind"), [("safeguarding", "safeguarding"), ("safeguarding exclusions", None)]
)
def test_a_declaration_of_one_kind_is_kept_as_a_file_of_that_kind_and_one_of_more_as_of_none(
    desk: Desk, told: dict[str, str], kinds: str, kind: str | None
) -> None:
    with desk.registry.write() as session:
        (row,) = rows(session, DeclarationRow)
        row.data_types = kinds
    with desk.registry.read() as session:
        (found,) = kept(session, [told["declaration"]])
    assert (found.what, found.state, found.data_type) == ("declarations", "accepted", kind)


@pytest.mark.long
def test_notices_and_declarations_go_by_their_own_rules_and_stay_verifiable(
    desk: Desk, told: dict[str, str], tmp_path: Path
) -> None:
    kept = tmp_path / "kept by the school"
    kept.mkdir()
    for path in [path for name in ("oak", "elm") for path in desk.receipts(name, "*")]:
        if path.name.rpartition(".")[0].endswith(tuple(told.values())):
            shutil.copy(path, kept)
    desk.pass_time(hours=1)
    assert run(desk, 799) is not None  # Of files, but of nothing else.
    assert all(desk.receipts(name, f"*{told[what]}*") for name, what in HOLDERS)
    certificate = run(desk, 1)
    assert certificate is not None
    assert (told["discrepancies"] in certificate, told["keys"] in certificate) == (True, False)
    assert "a notice to a provider" in certificate
    certificate = run(desk, 1757)
    assert certificate is not None
    assert "Rule     notices-keys" in certificate
    assert "Rule     declarations-" in certificate
    assert not any(desk.receipts(name, f"*{told[what]}*") for name, what in HOLDERS)
    (said,) = fields(desk, told["declaration"])
    assert (said["what"], said["rule"]) == ("declarations", "declarations-accepted")
    (declared, _) = desk.events(told["declaration"])
    assert (declared.kind, declared.actor, declared.salt) == ("declared", None, None)
    assert [row["declared_by"] for row in json.loads(desk.gateway("declarations", "list", "--json"))] == [""]
    fits(desk)
    desk.process()
    fits(desk)
    # What the school has is as good as ever.
    for notice in kept.glob("*otice*.txt"):
        verify_clearsigned(notice.read_text(), [desk.certificate.encode()])
    receipts = sorted(kept.glob("DECLARED*"))
    assert len(receipts) == 2
    assert all(one.good and one.anchored for one in verify_receipt_files(receipts, desk.certificate.encode()))


HOLDERS = (("elm", "keys"), ("oak", "discrepancies"), ("oak", "declaration"))


def test_a_legal_hold_keeps_a_notice_and_a_declaration(desk: Desk, told: dict[str, str]) -> None:
    for reference in told.values():
        desk.gateway("legal-holds", "place", reference, "--why", "a question of the court")
    run(desk, 2600)
    assert all(desk.receipts(name, f"*{told[what]}*") for name, what in HOLDERS)
    desk.gateway("legal-holds", "lift", told["keys"], "--why", "answered")
    assert run(desk, 1) is not None
    assert desk.receipts("elm", f"*{told['keys']}*") == []
    fits(desk)
