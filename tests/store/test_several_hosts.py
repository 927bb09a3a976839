"""Several hosts share the work on one registry and one store: whoever does it, it is done once."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
import random
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from tempfile import TemporaryFile
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import text

from gateway.errors import ConfigurationError, Fault, GatewayError
from gateway.examiner.parent import Examiner
from gateway.home import Home
from gateway.home.settings import load_settings
from gateway.homes.demo.parties import Party
from gateway.log.leaf import Kind
from gateway.mailboxes.console_api.api import console_context
from gateway.mailboxes.console_api.challenges import EACH, ChallengeOverError, SharedChallenges
from gateway.mailboxes.server import open_resources
from gateway.processor import retention
from gateway.processor.claim import SideJobs
from gateway.processor.provider_copies import Copier
from gateway.processor.rounds import Follow
from gateway.processor.service import open_processor
from gateway.publish import on_request
from gateway.record import policies_in_force, reconsider
from gateway.record import policy_proposals as proposals
from gateway.record.policies_in_force import Keeper, loses_protection
from gateway.registry import copies as copies_on_record
from gateway.registry import hosts as known_hosts
from gateway.registry import locks, log, receipts, waits, work_queue
from gateway.registry.database import Registry
from gateway.registry.hosts import Ownership
from gateway.registry.locks import WriterLock
from gateway.registry.log import Entry
from gateway.samples import make
from gateway.store.of_home import shared_store
from tests.clock import THIS_YEAR, Clock
from tests.commands import invoke
from tests.content import core_data
from tests.faults.services import Service
from tests.looking import contents
from tests.registry.cluster import Cluster
from tests.site import Site
from tests.store.servers import Server
from tests.store.several import another_host, at_work, shared_home
from tests.waiting import until
from tests.workshop import Workshop, login_of

pytestmark = [pytest.mark.long, pytest.mark.needs("pg_ctlcluster")]
YEARS = THIS_YEAR
LATER = datetime(2040, 1, 1, tzinfo=UTC)
Hosts = tuple[Workshop, Workshop]


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory, cluster: Cluster, weed: Server) -> Iterator[Hosts]:
    """Two hosts at work, for all tests of this file."""
    one = shared_home(tmp_path_factory.mktemp("one"), weed, cluster.database("several"))
    two = another_host(one, tmp_path_factory.mktemp("two"), "two")
    with at_work(one, two):
        yield one, two


@pytest.fixture(scope="module")
def oak(hosts: Hosts) -> Party:
    return hosts[0].provider("oak", years=YEARS, dfe_number="9994001")


def decided(desk: Workshop, *references: str) -> None:
    until(lambda: all(desk.state(each) not in {"", "landed"} for each in references), "the decisions")


def shown(desk: Workshop, provider: str = "oak") -> dict[str, bytes]:
    """What a provider finds at the door of this host, by name."""
    folder = desk.home.published.provider(provider)
    if folder.is_dir():
        desk.look(provider)
    paths = [path for part in ("receipts", "out") for path in (folder / part).glob("[!.]*")]
    return {str(path.relative_to(folder)): content for path, content in contents(paths)}


def test_every_door_has_every_receipt_and_each_file_is_decided_once(hosts: Hosts, oak: Party) -> None:
    one, two = hosts
    sent = [host.send(oak, core_data()) for host in (one, two, one)]
    decided(one, *sent)
    until(lambda: len(shown(one)) >= 9 and shown(one) == shown(two), "the receipts")
    for each in sent:
        assert one.kinds(each).count("landed") == one.kinds(each).count("decided") == 1
    until(lambda: not tasks(one), "the queue to be empty")


def test_a_host_brings_out_the_receipts_of_those_who_look_for_them_at_its_door(
    hosts: Hosts, oak: Party, tmp_path: Path
) -> None:
    one, two = hosts
    sedge = one.provider("sedge", years=YEARS)
    folders = [host.home.published.provider("sedge") / "receipts" for host in hosts]
    first = one.send(sedge, core_data())
    decided(one, first)
    until(folders[1].parent.is_dir, "the school at the second host")
    assert not any(folder.exists() for folder in folders)
    seen = two.look("sedge")
    assert sum(first in name for name in seen) == 3
    assert [folder.exists() for folder in folders] == [False, True]
    sent = one.send(sedge, core_data())
    decided(one, sent)
    until(lambda: sum(sent in name for name in two.look("sedge")) == 3, "later receipts, where it looked")
    assert not folders[0].exists()
    assert one.look("sedge") == two.look("sedge")
    until(lambda: shown(one, "sedge") == shown(two, "sedge"), "the events at the second host")
    events = folders[0] / "events.jsonl"
    assert [json.loads(line)["reference"] for line in events.read_text().splitlines()].count(sent) == 2
    assert not [found for found in doctor(two) if found["severity"] == "fault"]
    mark = two.home.spool.asked / "sedge.asked"
    os.utime(mark, (mark.stat().st_mtime - on_request.KEPT_SECONDS - 1,) * 2)
    on_request.let_go(two.home)
    assert [folder.exists() for folder in folders] == [True, False]
    assert two.look("sedge") == one.look("sedge")
    assert shown(one, "sedge") == shown(two, "sedge")


def test_a_host_that_shares_no_more_brings_out_all_receipts(tmp_path: Path) -> None:
    desk = Workshop(tmp_path)
    oak = desk.provider("oak", years=YEARS)
    desk.send(oak, core_data())
    desk.process()
    before = shown(desk)
    on_request.choose(desk.home.published, on_request=True)
    shutil.rmtree(desk.home.published.provider("oak") / "receipts")
    assert not [found for found in doctor(desk) if found["severity"] == "fault"]
    desk.process()
    assert shown(desk) == before != {}


def doctor(desk: Workshop) -> list[dict[str, str]]:
    return list(json.loads(invoke(desk.home.root, "doctor", "--deep", "--json").stdout))


def tasks(desk: Workshop) -> list[str]:
    with desk.registry.read() as session:
        asked = "SELECT status FROM procrastinate_jobs WHERE queue_name = :queue"
        return [str(one) for one in session.scalars(text(asked), {"queue": work_queue.QUEUE})]


def test_what_a_dead_host_had_is_done_by_another_and_what_nobody_queued_too(
    hosts: Hosts, oak: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = hosts
    with one.registry.write() as session:
        # Whoever is not enrolled with the queue any more had this task, and stopped long ago.
        work_queue.queue(session, ["261126-oak-00000"])
        session.execute(text("UPDATE procrastinate_jobs SET status = 'doing' WHERE queue_name = 'files'"))
    until(lambda: not tasks(one), "the task to be given to somebody")
    with monkeypatch.context() as lost:
        lost.setattr("gateway.registry.work_queue.queue", lambda *_: None)
        sent = two.send(oak, core_data())
        until(lambda: two.state(sent) == "landed", "it to land")
    decided(one, sent)


def test_what_is_done_at_one_host_is_seen_at_the_doors_of_all(hosts: Hosts, oak: Party) -> None:
    one, two = hosts
    elm = Party("elm", one.root / "elm")
    one.gateway("providers", "add", "elm", "--name", "The Elm", "--kind", "school")
    one.gateway("keys", "add", "elm", str(elm.ssh_public))
    one.gateway("keys", "confirm", "elm", login_of(elm))
    keys = two.home.published.provider("elm") / "authorized_keys"
    until(lambda: keys.exists() and elm.ssh_public.read_text().split()[1] in keys.read_text(), "the key")
    one.gateway("providers", "suspend", "elm")
    until(lambda: not keys.read_text(), "the suspension")


def test_what_is_published_is_made_again_only_after_entries_with_an_effect_there(
    hosts: Hosts, tmp_path: Path
) -> None:
    three = another_host(hosts[0], tmp_path, "three")

    def made_after(kind: Kind) -> int:
        with three.registry.write() as session:
            log.append(session, [Entry(kind=kind, subject="discrepancies", fields={})], three.now)
        with three.registrar() as registrar:
            Follow(registrar).tend(registrar)
        return three.home.published.intake_settings.stat().st_mtime_ns

    made = made_after("contact-changed")
    assert [made_after("discrepancy-opened"), made_after("noted")] == [made, made]
    assert made_after("contact-changed") > made


def test_policies_that_come_into_force_at_one_host_decide_at_all(hosts: Hosts, tmp_path: Path) -> None:
    one, two = hosts
    flows = one.home.policies / "teams.toml"
    flows.write_text(flows.read_text() + "\n# Another version.\n")
    with one.registrar() as registrar:
        keeper = Keeper(one.home, one.registry, registrar.signing, one.clock)
        digest = keeper.keep(one.home.policies)
        keeper.put_in_force(digest)
    until(lambda: two.home.policies_in_force.name == digest, "the other host")
    oak = two.provider("ash", years=YEARS)
    sent = two.send(oak, core_data())
    decided(two, sent)
    (event,) = [one for one in two.events(sent) if one.kind == "decided"]
    assert json.loads(event.leaf)["fields"]["policies"] == digest


def test_policies_proposed_at_one_host_are_approved_at_another(
    hosts: Hosts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = hosts
    flows = one.home.policies / "teams.toml"
    flows.write_text(flows.read_text() + "\n# Proposed at the first host.\n")
    monkeypatch.setenv("GATEWAY_ADMIN", "ada")
    digest = one.gateway("policy", "propose").split("proposed: ")[1].split()[0]
    until(two.home.version(digest).is_dir, "the second host to have it, for its console")
    third = another_host(one, tmp_path, "third")
    shutil.rmtree(third.home.version(digest))
    monkeypatch.setenv("GATEWAY_ADMIN", "grace")
    assert f"in force: {digest}" in third.gateway("policy", "approve", "--yes")
    until(lambda: one.home.policies_in_force.name == two.home.policies_in_force.name == digest, "both")
    keys = one.home.policies / "keys.toml"
    keys.write_text(keys.read_text().replace("approve_drops = false", "approve_drops = true"))
    monkeypatch.setenv("GATEWAY_ADMIN", "ada")
    looser = one.gateway("policy", "propose").split("proposed: ")[1].split()[0]
    until(two.home.version(looser).is_dir, "the second host to have the looser ones")
    with one.registrar() as registrar, one.registry.write() as session:
        proposals.approve(session, by="forged", at=one.now)
        registrar.sign_head(session, one.now)
    with two.registrar() as registrar:
        assert registrar.catalogue.digest == digest  # Nobody approved them on a machine.
    one.gateway("policy", "withdraw", "--why", "approved by nobody")
    one.gateway("policy", "propose")
    monkeypatch.setenv("GATEWAY_ADMIN", "grace")
    third.gateway("policy", "approve", "--yes")
    until(lambda: one.home.policies_in_force.name == two.home.policies_in_force.name == looser, "both")
    assert "in force again" in two.gateway("policy", "roll-back", "--why", "too loose")
    until(lambda: one.home.policies_in_force.name == digest, "the first host to go back")
    third.close()


def test_policies_that_nobody_vouches_for_are_compared_once(
    tmp_path: Path, cluster: Cluster, weed: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = shared_home(tmp_path / "unvouched", weed, cluster.database("unvouched"))
    with one.registrar() as registrar:
        keeper = Keeper(one.home, one.registry, registrar.signing, one.clock)
        keys = one.home.policies / "keys.toml"
        keys.write_text(keys.read_text().replace("approve_drops = false", "approve_drops = true"))
        used, forged = keeper.changed(1), keeper.keep(one.home.policies)
        with one.registry.write() as session:
            entry = Entry(kind="policy-loaded", subject="policies", fields={"sha256": forged})
            log.append(session, [entry], one.now)
            registrar.sign_head(session, one.now)
        compared = list[Path]()

        def losing(before: Path, after: Path) -> bool:
            compared.append(after)
            return loses_protection(before, after)

        monkeypatch.setattr(policies_in_force, "loses_protection", losing)
        assert [keeper.changed(2), keeper.changed(2), keeper.changed(2)] == [None] * 3
        assert used is not None
        assert one.home.policies_in_force == used.folder
        assert compared == [one.home.version(forged)]
        keeper.allow(forged)
        allowed = keeper.changed(2)
    assert allowed is not None
    assert allowed.folder.name == forged
    one.close()


def test_a_challenge_of_the_console_given_at_one_host_is_taken_once_at_another(hosts: Hosts) -> None:
    at_one, at_two = (SharedChallenges(host.registry) for host in hosts)
    challenge = at_one.give("browser", "login", "about it")
    assert at_two.take_about("browser", "login") == (challenge, "about it")
    for door in (at_one, at_two):
        with pytest.raises(ChallengeOverError):
            door.take("browser", "login")
    first = at_one.give("jane", "an act")
    for number in range(EACH + 1):
        at_two.give("sam", f"act {number}")
    with pytest.raises(ChallengeOverError):
        at_one.take("sam", "act 0")
    assert at_two.take("jane", "an act") == first
    late = at_one.give("jane", "an act")
    with hosts[0].registry.write() as session:
        kept = session.execute(text("SELECT * FROM console_challenge")).all()
        session.execute(text("UPDATE console_challenge SET ends_at = now() - interval '1 s'"))
    assert late in [bytes(row.challenge) for row in kept]
    assert "jane" not in repr(kept)  # Secrets of browsers are kept as digests.
    with pytest.raises(ChallengeOverError):
        at_two.take("jane", "an act")


def test_the_console_of_a_host_that_shares_keeps_its_challenges_with_the_others(hosts: Hosts) -> None:
    _, two = hosts
    with open_resources(two.home, two.clock) as resources:
        assert isinstance(console_context(two.home, resources).challenges, SharedChallenges)


def test_copies_are_sealed_once_and_a_new_host_fetches_them(
    hosts: Hosts, oak: Party, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = hosts
    fft, record_sealed, failures = one.provider("fft", "fft"), copies_on_record.record_sealed, ["once"]

    def record_at_last(*arguments: Any) -> None:
        if failures:
            raise Fault(failures.pop())
        record_sealed(*arguments)

    monkeypatch.setattr(copies_on_record, "record_sealed", record_at_last)
    sent = two.send(fft, make("fft-aspire", "csv-estimates", rng=random.Random(1), pupils=5))
    decided(one, sent)

    def copies(desk: Workshop) -> dict[str, bytes]:
        found = contents((desk.home.published.provider("oak") / "out").glob("[!.]*"))
        return {path.name: content for path, content in found}

    until(lambda: len(copies(one)) == 1 and copies(one) == copies(two), "the copies")
    store = shared_store(one.home, load_settings(one.home))
    assert store is not None
    assert (failures, len(list(store._paths(f"copy/{sent}/")))) == ([], 1)
    with TemporaryFile() as left:  # As by a host that was killed after the file was deleted.
        store.put_copy("261202-fft-00000", "oak", "0" * 64, left.fileno())
    third = another_host(one, tmp_path, "three")
    monkeypatch.setattr("gateway.processor.provider_copies.Copier._bring_out", None)  # None is made anew.
    with open_processor(third.home, third.clock, examiners=third.children.lent) as processor:
        assert processor.drain() == 0
    assert copies(third) == copies(one)
    assert [path.split("/")[1] for path in store._paths("copy/")] == [sent]
    assert not [found for found in doctor(third) if found["severity"] == "fault"]
    third.close()
    with one.registry.write() as session:
        known_hosts.forget(session, "three")


def test_of_two_hosts_that_seal_one_copy_the_first_one_counts(
    hosts: Hosts, oak: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = hosts
    other, seal, first = one.provider("fft-two", "fft"), Examiner.seal_copy, list[str]()
    copier = Copier(two.home, two.children.lent(two.home), SideJobs(60, lambda job: job(), lambda: None))

    def sealed_elsewhere_meanwhile(*args: Any) -> Any:
        monkeypatch.setattr(Examiner, "seal_copy", seal)
        with two.registrar() as registrar:
            copier.hand_out(registrar)
        first.extend(store._paths(f"copy/{sent}/"))
        return seal(*args)

    store = shared_store(one.home, load_settings(one.home))
    assert store is not None
    monkeypatch.setattr(Examiner, "seal_copy", sealed_elsewhere_meanwhile)
    sent = two.send(other, make("fft-aspire", "csv-estimates", rng=random.Random(2), pupils=5))
    decided(one, sent)

    def shown_at(desk: Workshop) -> list[str]:
        folder = desk.home.published.provider("oak") / "out"
        return [hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob(f"[!.]*{sent}*")]

    until(lambda: first and [f"copy/{sent}/oak/{each}" for each in shown_at(one)] == first, "the copy")
    assert (list(store._paths(f"copy/{sent}/")), shown_at(two)) == (first, shown_at(one))


def test_what_retention_deletes_goes_at_every_door(hosts: Hosts, oak: Party) -> None:
    one, two = hosts
    sent = one.send(oak, core_data())
    decided(one, sent)
    until(lambda: any(sent in name for name in shown(two)), "the receipts")
    with one.registrar() as registrar:
        later = dataclasses.replace(registrar, clock=lambda: LATER)
        retention.run(later, LATER, by="admin")
    until(lambda: not any(sent in name for host in hosts for name in shown(host)), "the end of the receipts")
    with one.registry.read() as session:
        assert receipts.latest(session, sent) is None
    kept = shared_store(one.home, load_settings(one.home))
    assert kept is not None


def test_a_host_that_shares_and_one_that_does_not_keep_out_of_each_others_way(
    hosts: Hosts, tmp_path: Path
) -> None:
    alone = another_host(hosts[0], tmp_path, "one")
    text = alone.home.settings.read_text()
    alone.home.settings.write_text(text.replace('name = "one"', ""))
    with (
        pytest.raises(GatewayError, match="another host is at work"),
        open_processor(alone.home, alone.clock) as processor,
    ):
        processor.drain()
    with Ownership(hosts[0].registry, shared=True) as third:
        assert not third.leads()


def test_a_host_that_does_not_lead_leaves_its_courier_nothing(hosts: Hosts) -> None:
    places = [place for desk in hosts for place in (desk.home.hand_on, desk.home.hooks)]
    for place in places:
        (place / "old" / "old-000001").mkdir(parents=True)
        (place / "old" / "old-000001" / "pupils.csv").touch()
    until(lambda: not any(list(place.iterdir()) for place in places), "empty folders at both hosts")


def test_several_hosts_need_what_they_can_share(tmp_path: Path) -> None:
    desk = Workshop(tmp_path)
    desk.home.settings.write_text(desk.home.settings.read_text() + '\n[host]\nname = "one"\n')
    with pytest.raises(ConfigurationError, match="a registry in PostgreSQL and a store that they share"):
        load_settings(desk.home)


def test_hosts_take_different_portions_of_what_is_to_be_decided_again(hosts: Hosts) -> None:
    one, two = hosts
    ivy = one.provider("ivy")
    sent = [one.send(ivy, core_data(seed), f"{seed}.xml.pgp") for seed in range(4)]
    decided(one, *sent)
    with one.registry.write_on(()) as session, two.registry.write_on(()) as other:
        every = waits.due(session, LATER, lambda _provider: True)
        found = [
            {each.upload.reference for each in waits.portion(at, every, 0, 2)} for at in (session, other)
        ]
    assert sorted(found[0] | found[1]) == sorted(sent)
    one.ratify_all("ivy")
    until(lambda: {one.state(each) for each in sent} == {"accepted"}, "the release")
    assert {one.kinds(each).count("decided") for each in sent} == {2}


def test_one_host_at_a_time_decides_a_portion_again(hosts: Hosts, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = hosts
    rowan = one.provider("rowan")
    decided(one, one.send(rowan, core_data(5), "5.xml.pgp"))
    monkeypatch.setattr(reconsider, "A_PORTION", 1)
    portions = reconsider.Portions(lambda *_: waits.for_reasons("policy:agreement-not-ratified"))
    with two.registrar() as registrar:
        with one.registry.write_on(()) as session:
            assert locks.try_lock(session, WriterLock.HELD)
            assert not portions.next(registrar)
        assert portions.next(registrar)


def told_of_hosts(desk: Workshop) -> list[str]:
    """What doctor says of hosts."""
    found = json.loads(invoke(desk.home.root, "doctor", "--json").stdout)
    return [one["what"] for one in found if "host " in one["what"]]


def test_a_silent_host_is_told_and_its_spool_is_taken_over_once_it_is_dead(
    hosts: Hosts, oak: Party, tmp_path: Path
) -> None:
    one, _ = hosts
    dead = another_host(one, tmp_path, "dead")
    with at_work(dead):
        until(lambda: "host-silent:dead" not in wrong_of(one) and "dead" in names(one), "its first word")
        refused = one.gateway("hosts", "take-over", "dead", str(dead.home.spool.root), "--why", "x", code=1)
        assert "is at work" in refused
        assert "is at work" in one.gateway("hosts", "remove", "dead", "--why", "x", code=1)
        known = dead.send(oak, core_data())
        decided(one, known)
    sealed = oak.seal(core_data(), one.certificate)
    sent = dead.land(oak, sealed, "late.xml.pgp")
    dead.land(oak, sealed, reference=known)  # On record, and not yet removed from the spool when it died.
    with one.registry.write() as session:
        session.execute(
            text("UPDATE host SET seen_at = now() - interval '30 s', spool = 2 WHERE name = 'dead'")
        )
    assert {"host-silent:dead", "host-spool-waits:dead"} <= set(wrong_of(one))
    assert told_of_hosts(one) == ["host dead says nothing; 2 uploads waited in its spool"]
    assert "2 uploads waited" in one.gateway("hosts", "remove", "dead", "--why", "gone", code=1)
    done = one.gateway("hosts", "take-over", "dead", str(dead.home.spool.root), "--why", "its disk is here")
    assert "2 uploads of dead are in the spool of this host" in done
    decided(one, sent)
    assert [one.kinds(each).count("decided") for each in (known, sent)] == [1, 1]
    until(lambda: not list(one.home.spool.landed.glob("*.landed")), "the spool to be emptied")
    assert not list(dead.home.spool.landed.glob("*.landed"))
    one.gateway("hosts", "remove", "dead", "--why", "gone")
    assert "dead" not in names(one)


def test_the_door_of_a_host_that_leaves_takes_no_more(hosts: Hosts, oak: Party, tmp_path: Path) -> None:
    one, _ = hosts
    leaver = another_host(one, tmp_path, "leaver")
    sealed = oak.seal(core_data(), one.certificate)
    intake = Service(cast("Site", SimpleNamespace(home=leaver.home.root, root=tmp_path)), "intake")
    with at_work(leaver), intake.up(), oak.sftp(intake.place) as session:
        begun = session.open("/in/begun.xml.pgp", "w")
        begun.write(sealed)
        begun.stat()
        assert "say --leaves" in one.gateway("hosts", "remove", "leaver", "--why", "x", code=1)
        one.gateway("hosts", "remove", "leaver", "--leaves", "--why", "it is old")
        until(lambda: "host-removed" in intake.log.read_text(), "the intake to know")
        begun.close()
        package = tmp_path / "package"
        assert "choose another name" in one.gateway("hosts", "add", "leaver", str(package), code=1)
        assert not package.exists()
        with pytest.raises(OSError, match="takes no more files"):
            session.putfo(io.BytesIO(sealed), "/in/late.xml.pgp", confirm=False)
        assert not list(leaver.home.spool.landed.glob("*.landed"))
        landed = leaver.land(oak, sealed)  # As one that was taken a moment before.
        decided(one, landed)
        assert {each["name"]: each["state"] for each in listed(one)}["leaver"] == "leaving"
    with intake.up(), pytest.raises(OSError, match="takes no more files"):  # With no processor beside it.
        oak.put(intake.place, "/in/late.xml.pgp", sealed)
    late = leaver.land(oak, sealed)
    removing = one.home.root, "hosts", "remove", "leaver", "--lost", "--why", "it is old"
    until(lambda: invoke(*removing).exit_code == 0, "the end of its session")
    assert "1 upload of leaver is" in one.gateway(
        *("hosts", "take-over", "leaver", str(leaver.home.spool.root), "--why", "it was removed")
    )
    decided(one, late)


def test_the_last_host_that_is_at_work_does_not_leave(cluster: Cluster, tmp_path: Path) -> None:
    """Nobody could send anything any more, and no name that was removed is given again."""
    desk = Workshop(tmp_path)
    desk.gateway("move", "--database-url", cluster.database("last"))
    desk.registry.close()
    desk.registry = Registry(load_settings(desk.home).database_url(desk.home))
    with desk.registry.write() as session:
        for name in ("one", "two", "three"):
            known_hosts.expect(session, name)
        said = "UPDATE host SET seen_at = now() + interval '1 hour' WHERE name != 'three'"
        session.execute(text(said))
    leaving = "--leaves", "--why", "it is old"
    desk.gateway("hosts", "remove", "two", *leaving)
    desk.gateway("hosts", "remove", "two", *leaving)
    with desk.registry.read() as session:
        assert [each.kind for each in log.events(session, "two")] == ["host-removed"]
    assert "cannot leave" in desk.gateway("hosts", "remove", "one", *leaving, code=1)
    assert {each["name"]: each["state"] for each in listed(desk)} == {
        "one": "at work", "two": "leaving", "three": "silent",
    }  # fmt: skip
    desk.gateway("hosts", "remove", "two", *leaving)
    desk.close()


def test_a_name_is_of_one_machine(hosts: Hosts, tmp_path: Path) -> None:
    """What waits at one of two machines of a name is not told while the other says that nothing waits."""
    one, _ = hosts
    first, second = (another_host(one, tmp_path / each, "former") for each in "ab")
    with (
        at_work(first),
        open_processor(second.home, second.clock, examiners=second.children.lent) as processor,
        pytest.raises(Fault, match="another machine is at work under this host's name"),
    ):
        processor.drain()
    with one.registry.write() as session:
        session.execute(text("UPDATE host SET seen_at = now() - interval '30 s' WHERE name = 'former'"))
    done = until(
        lambda: (
            (made := invoke(one.home.root, "hosts", "remove", "former", "--why", "gone")).exit_code == 0
            and made
        ),
        "the end of its session",
    )
    assert "see that it is stopped" in done.stdout
    package = tmp_path / "package"
    assert "choose another name" in one.gateway("hosts", "add", "former", str(package), code=1)
    assert not package.exists()
    second.close()


def wrong_of(desk: Workshop) -> list[str]:
    return list(json.loads(invoke(desk.home.root, "status", "--json").stdout)["wrong"])


def listed(desk: Workshop) -> list[dict[str, Any]]:
    return list(json.loads(desk.gateway("hosts", "list", "--json")))


def names(desk: Workshop) -> list[str]:
    return [each["name"] for each in listed(desk)]


def test_a_host_with_a_wrong_clock_records_nothing_and_is_told(
    hosts: Hosts, oak: Party, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = hosts
    ahead = timedelta(minutes=10)

    class Wrong(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Wrong:
            return cast("Wrong", datetime.now(tz) + ahead)

    with monkeypatch.context() as clock:
        clock.setattr("gateway.registry.locks.datetime", Wrong)
        sent = two.send(oak, core_data())
        with pytest.raises(Fault, match=r"the clock of this host is \+600 s"), one.registry.write():
            pass
        with pytest.raises(Fault, match="nothing is recorded here"), one.registry.write_on(["a"]):
            pass
        assert two.state(sent) == ""
        slow = another_host(one, tmp_path, "slow")
        slow.clock = Clock(behind=ahead)
        with at_work(slow):
            until(lambda: "host-clock-wrong:slow" in wrong_of(one), "the host to be told")
            assert told_of_hosts(one) == [
                "the clock of host slow is -600 s from the database's: what is uploaded there waits"
            ]
    decided(one, sent)
    with one.registry.write() as session:
        known_hosts.forget(session, "slow")


def test_a_host_is_handed_all_it_needs_under_a_code_and_a_key_is_announced_when_all_have_it(
    hosts: Hosts, tmp_path: Path
) -> None:
    one, two = hosts
    listed = json.loads(one.gateway("hosts", "list", "--json"))
    assert [each["name"] for each in listed] == ["one", "two"]
    assert [bool(each["rounds"]) for each in listed].count(True) == 1
    assert {
        each["name"] for each in json.loads(invoke(one.home.root, "status", "--json").stdout)["hosts"]
    } == {
        "one",
        "two",
    }
    before = one.certificate
    assert "two cannot use it" in one.gateway("keys", "gateway", "rotate", code=1)
    assert one.certificate == before
    behind = ["host two lacks keys of the gateway that host one has"]
    until(lambda: told_of_hosts(one) == told_of_hosts(two) == behind, "both to say which host is behind")
    code = one.gateway("hosts", "add", "two", str(tmp_path / "two")).split()[-1]
    assert b"BEGIN PGP MESSAGE" in (tmp_path / "two").read_bytes()
    assert "does not fit" in two.gateway("hosts", "join", str(tmp_path / "two"), given="guessed\n", code=1)
    two.gateway("hosts", "join", str(tmp_path / "two"), given=f"{code}\n")
    # Within seconds it is known that the other host has it.
    until(lambda: invoke(one.home.root, "keys", "gateway", "rotate").exit_code == 0, "host two", seconds=120)
    until(lambda: two.certificate == one.certificate != before, "the new key at both doors")
    until(lambda: told_of_hosts(one) == told_of_hosts(two) == [], "both to say that they have the same keys")
    sent = two.send(two.provider("yew", years=YEARS), core_data())
    decided(one, sent)
    assert one.state(sent) == "accepted"
    third = Home(tmp_path / "third")
    code = one.gateway("hosts", "add", "three", str(tmp_path / "three")).split()[-1]
    done = invoke(third.root, "hosts", "join", str(tmp_path / "three"), given=f"{code}\n")
    assert done.exit_code == 0, done.stderr
    assert load_settings(third).host.name == "three"
    assert (
        "home of another host"
        in invoke(two.home.root, "hosts", "join", str(tmp_path / "three"), given=f"{code}\n").stderr
    )
