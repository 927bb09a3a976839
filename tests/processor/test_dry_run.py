"""`policy test` says what the processor does: the same sealed files, tried first and then really sent."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session

from gateway.examiner.child import ExaminerLost
from gateway.examiner.parent import Examiner
from gateway.examiner.protocol import Job
from gateway.home.settings import OpenLimits
from gateway.homes.demo.parties import Party
from gateway.model import Classified, Provider
from gateway.openpgp.certificates import admit, describe
from gateway.processor.dry_run import Tried, try_file
from gateway.record.policies_in_force import Policies, load_policies
from gateway.record.registrar import Rulebook
from gateway.registry import keys, providers
from gateway.registry.tables import HarmlessRow
from gateway.secrets.secret_files import secret_key_file, statement_file, write_secret
from gateway.zones.sealing import ENOUGH_BYTES, is_sealed
from tests.classify import made
from tests.clock import THIS_YEAR
from tests.content import census, core_data, gcse_results
from tests.openpgp import vectors
from tests.workshop import Desk, login_of

# How our records say that a key stands, and what that makes of a file that it signed in good time.
STANDINGS = {
    "active": "policy:agreement-not-ratified",
    "pending": "key:not-approved",
    "retired": "open:key-superseded",
    "revoked": "open:key-revoked",
}
_OF_EACH_VERDICT = 3


@dataclass(frozen=True)
class Sender:
    """Whoever sends a vector: a desk asks of a party its name and the key that it logs in with."""

    name: str
    ssh_public: Path


class Trials:
    """A desk at which files are tried, and then sent."""

    def __init__(self, root: Path) -> None:
        self.desk = Desk(root)
        self.policies: Policies = load_policies(self.desk.home.policies_in_force)
        self.examiner = Examiner(self.desk.home, self.policies.folder)

    def close(self) -> None:
        self.examiner.close()
        self.desk.close()

    def tried(self, party: str, data: bytes) -> Tried:
        file = self.desk.root / "data.xml.pgp"
        file.write_bytes(data)
        rules, registry = Rulebook(self.desk.home, self.policies.catalogue), self.desk.registry
        return try_file(file, party, self.desk.now, rules=rules, examiner=self.examiner, registry=registry)

    def compare(self, files: list[tuple[Party | Sender, bytes]]) -> list[str]:
        """Try them all, then send them all; the first codes of what became of them."""
        tries = [self.tried(party.name, data) for party, data in files]
        foreseen = [each.decision for each in tries]
        references = [self.desk.land(party, data) for party, data in files]
        self.desk.process()
        for tried, reference in zip(tries, references, strict=True):
            expected = tried.decision
            became = self.desk.transfer(reference)
            assert (expected.state, expected.reasons) == (became.state, became.reasons), reference
            if expected.state == "accepted":  # Counts are of one file of a period: the last of them.
                assert {*became.teams} - {*tried.counted} == {*expected.teams}
        return [decision.reasons[0].code for decision in foreseen]


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trials]:
    with closing(Trials(tmp_path_factory.mktemp("trials"))) as found:
        yield found


@pytest.fixture(scope="module")
def oak(trials: Trials) -> Party:
    return trials.desk.provider("oak", years=THIS_YEAR)


def enrolled(trials: Trials, standing: str, name: str = "key") -> Party:
    """A provider whose key stands so since now, and which signed a minute ago."""
    desk = trials.desk
    party = Party(f"{name}-{standing}", desk.root / "parties" / f"{name}-{standing}")
    material = party.certificate.read_text()
    with desk.registry.write() as session:
        providers.add_provider(session, Provider(id=party.name, name=party.name, kind="school"), desk.now)
        key = keys.add_key(
            session, "provider", party.name, "openpgp", at=desk.now, by="admin", material=material,
            fingerprint=admit(material.encode(), desk.now).fingerprint,
            state="pending" if standing == "pending" else "active",
        )  # fmt: skip
        may_log_in(session, party, desk)
        if standing in {"retired", "revoked"}:
            keys.end_key(
                session, key, standing, at=datetime.now(UTC) + timedelta(seconds=30), by="admin",
                revocation="hard" if standing == "revoked" else None,
            )  # type: ignore[call-arg] # fmt: skip
    return party


def chosen_vectors() -> list[vectors.Vector]:
    """Some of each verdict, sealed to one key by one signer, under the limits that a gateway has.

    What does not look sealed is tried as a plain file, and not written down by a gateway.
    """
    found: dict[tuple[str, str], list[vectors.Vector]] = {}
    for vector in vectors.every():
        usual = (
            vector.keys == ("gateway",)
            and vector.limits == OpenLimits()
            and not vector.differs
            and is_sealed(vector.data[:ENOUGH_BYTES])
        )
        if usual and len(vector.senders) == 1 and vector.senders != ("alice-grafted",):
            # Some hold the same act of signing in other wrappings: the second of these would be a replay.
            signed = "" if vector.expect.startswith("open:") else vector.senders[0]
            found.setdefault((vector.expect, signed), []).append(vector)
    return [
        vector for (_, signed), some in found.items() for vector in some[: 1 if signed else _OF_EACH_VERDICT]
    ]


def open_with_the_vectors_key(desk: Desk) -> None:
    """Let the gateway open with the key that vectors are sealed to, as with one of its own."""
    folder = vectors.KEYS
    certificate = (folder / "gateway.asc").read_text()
    fingerprint = describe(certificate.encode(), desk.now).fingerprint
    write_secret(secret_key_file(desk.home, fingerprint), (folder / "gateway.key").read_bytes())
    write_secret(statement_file(desk.home, fingerprint), b"nobody reads it here\n")
    with desk.registry.write() as session:
        keys.add_key(
            session, "gateway", "gateway", "openpgp", at=desk.now, by="test", material=certificate,
            fingerprint=fingerprint,
        )  # fmt: skip


def signer(trials: Trials, name: str) -> Sender:
    """A provider with the certificate of a vector's sender."""
    desk, material = trials.desk, (vectors.KEYS / f"{name}.asc").read_text()
    shown = describe(material.encode(), desk.now)
    with desk.registry.write() as session:
        providers.add_provider(session, Provider(id=name, name=name, kind="school"), desk.now)
        keys.add_key(
            session, "provider", name, "openpgp", at=desk.now, by="admin", material=material,
            fingerprint=shown.fingerprint, expires_at=shown.expires_at,
        )  # fmt: skip
        sender = Sender(name, Party(name, desk.root / "parties" / name).ssh_public)
        may_log_in(session, sender, desk)
    return sender


def may_log_in(session: Session, sender: Party | Sender, desk: Desk) -> None:
    """Enrol the key that a sender logs in with."""
    keys.add_key(
        session, "provider", sender.name, "ssh", at=desk.now, by="admin", fingerprint=login_of(sender),
        material=sender.ssh_public.read_text(),
    )  # fmt: skip


def test_contents_are_decided_as_foreseen(trials: Trials, oak: Party) -> None:
    elm, dfe = trials.desk.provider("elm"), trials.desk.provider("dfe", "dfe")

    def sealed(party: Party, content: bytes) -> tuple[Party, bytes]:
        return party, party.seal(content, trials.desk.certificate)

    found = trials.compare(
        [
            sealed(oak, core_data()),
            sealed(oak, census()),
            sealed(oak, gcse_results()),
            sealed(oak, b"a poem\n"),
            sealed(oak, b"<CTfile><broken"),
            sealed(elm, core_data()),
            sealed(dfe, core_data()),
            (elm, oak.seal(core_data(), trials.desk.certificate)),
            (oak, oak.seal(core_data(seed=3), trials.desk.certificate)[:-300]),
        ]
    )
    assert {code.partition(":")[0] for code in found} == {"policy", "classify", "open"}
    assert len(set(found)) >= 7


def test_a_replay_is_foreseen(trials: Trials, oak: Party) -> None:
    data = oak.seal(core_data(seed=2), trials.desk.certificate)
    assert trials.compare([(oak, data)]) == ["policy:allowed"]
    assert trials.compare([(oak, data)]) == ["open:replayed"]


@pytest.mark.parametrize(("standing", "code"), STANDINGS.items())
def test_a_key_that_does_not_count_is_foreseen(trials: Trials, standing: str, code: str) -> None:
    party = enrolled(trials, standing)
    data = party.seal(core_data(seed=5), trials.desk.certificate)
    trials.desk.now = max(trials.desk.now, datetime.now(UTC) + timedelta(minutes=1))
    assert trials.compare([(party, data)]) == [code]


@pytest.mark.long
def test_every_kind_of_sealed_file_ends_as_foreseen(tmp_path: Path) -> None:
    chosen = chosen_vectors()
    with closing(Trials(tmp_path)) as trials:
        trials.desk.now = chosen[0].at
        open_with_the_vectors_key(trials.desk)
        parties = {name: signer(trials, name) for name in {vector.senders[0] for vector in chosen}}
        found = trials.compare([(parties[vector.senders[0]], vector.data) for vector in chosen])
    assert len(chosen) >= 30, len(chosen)
    assert len(set(found)) >= 12, sorted(set(found))


def test_a_file_over_which_every_process_is_lost_is_held_for_a_person(
    trials: Trials, oak: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[Job] = []

    def loses(_: Examiner, job: Job, __: int) -> None:
        attempts.append(job)
        raise ExaminerLost("gone")

    monkeypatch.setattr(Examiner, "look", loses)
    decision = trials.tried("oak", oak.seal(core_data(), trials.desk.certificate)).decision
    assert (decision.state, [one.code for one in decision.reasons]) == ("held", ["internal:held"])
    assert len(attempts) == 3


def test_no_descriptor_is_left_open(trials: Trials, oak: Party) -> None:
    """One was, for each file that waits for a key."""
    waits = enrolled(trials, "pending", "waits")
    files = [
        (oak, oak.seal(core_data(), trials.desk.certificate)),
        (waits, waits.seal(core_data(), trials.desk.certificate)),
        (oak, oak.seal(core_data(), trials.desk.certificate)[:-300]),
        (oak, core_data()),
        (oak, b"a poem"),
    ]
    states = [trials.tried(party.name, data).decision.state for party, data in files]
    assert states[1:3] == ["held", "refused"]
    gc.collect()  # What tests of before left open is closed by now.
    before = len(list(Path("/proc/self/fd").iterdir()))  # What is opened once is open by now.
    for party, data in files:
        trials.tried(party.name, data)
    gc.collect()
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


def test_counts_are_foreseen_for_a_whole_roll_and_not_for_a_few_changes(trials: Trials) -> None:
    elder, roll = trials.desk.provider("elder", years=THIS_YEAR), range(1, 11)
    whole, few = (
        made.ctf(made.pupil(made.Child(n), made.CORE_INSIDE) for n in some).encode()
        for some in (roll, (1, 2))
    )
    trials.desk.send(elder, whole)
    trials.desk.process()
    counted = [trials.tried(elder.name, data).counted for data in (whole, few, b"a poem")]
    assert counted == [("school-place-planning",), (), ()]


def test_a_plain_files_dates_are_judged_by_the_day_at_the_school(trials: Trials, oak: Party) -> None:
    file, rules = trials.desk.root / "core.xml", Rulebook(trials.desk.home, trials.policies.catalogue)
    file.write_bytes(re.sub(rb"<DOB>[^<]*", b"<DOB>2026-07-01", core_data(), count=1))
    for at, faults in (("2026-06-30T22:30Z", ["date:future"]), ("2026-06-30T23:30Z", [])):
        moment = datetime.fromisoformat(at)
        tried = try_file(
            file, oak.name, moment, rules=rules, examiner=trials.examiner, registry=trials.desk.registry
        )
        assert isinstance(tried.found, Classified)
        assert [one.code for one in tried.found.findings] == faults


def test_a_plain_file_is_read_with_the_headings_that_its_school_has_explained(trials: Trials) -> None:
    head, *rows = made.core_rows()
    file, desk = trials.desk.root / "core.csv", trials.desk
    file.write_text(made.as_csv([[*head, "How Home"], *([*row, "WLK"] for row in rows)]))
    party = desk.provider("ash", years=THIS_YEAR)
    said = {"header": "How Home", "listed_at": desk.now, "listed_by": "ann", "why": "x"}
    with desk.registry.write() as session:
        providers.state_heading(
            session, HarmlessRow(name="howhome", provider=party.name, field="travel-mode", **said)
        )
    rules = Rulebook(desk.home, trials.policies.catalogue)
    tried = try_file(
        file, party.name, desk.now, rules=rules, examiner=trials.examiner, registry=desk.registry
    )
    assert isinstance(tried.found, Classified)
    assert tried.found.unlisted == ()
