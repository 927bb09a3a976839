"""Two authorities on the same hosts, database server and store: nothing of one is the other's.

Each has a home, a database, a folder of the bucket and a user of the machine of its own (docs/cluster.md).
People and schools of both have the same names here, which proves nothing at the other's doors.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import asyncssh
import paramiko
import psycopg
import pytest

from gateway.access import AccessRight
from gateway.acts.fields import every_act
from gateway.errors import ConfigurationError
from gateway.home.settings import IntakeLimits
from gateway.homes.demo.parties import Party
from gateway.intake.server import Intake
from gateway.mailboxes.server import open_resources
from gateway.processor.service import open_processor
from gateway.publish.projection import publish_access
from gateway.registry import log
from tests.attacks.test_access_matrix import OF_PERSONS, PEOPLE, Doors, asked, commands, program, right_of
from tests.clock import THIS_YEAR
from tests.console.soft_key import SoftKey
from tests.console.through_the_api import ORIGIN, Console, console_api_of
from tests.content import core_data
from tests.mailboxes.mailroom import Mailroom
from tests.registry.cluster import Cluster
from tests.store.servers import Server
from tests.store.several import shared_home
from tests.workshop import Workshop

pytestmark = [pytest.mark.long, pytest.mark.needs("pg_ctlcluster")]


@pytest.fixture(scope="module")
def north(tmp_path_factory: pytest.TempPathFactory, cluster: Cluster) -> Iterator[Doors]:
    room = Mailroom(tmp_path_factory.mktemp("north"), cluster.database("north"))
    with closing(room.registry):
        yield Doors(room)


@pytest.fixture(scope="module")
def south(tmp_path_factory: pytest.TempPathFactory, cluster: Cluster) -> Iterator[Doors]:
    room = Mailroom(tmp_path_factory.mktemp("south"), cluster.database("south"))
    with closing(room.registry):
        yield Doors(room)


@pytest.fixture(scope="module")
def consoles(north: Doors, south: Doors) -> Iterator[tuple[Console, Console]]:
    with (
        console_api_of(north.room, lambda: datetime.now(UTC)) as theirs,
        console_api_of(south.room, lambda: datetime.now(UTC)) as ours,
    ):
        yield theirs, ours


@pytest.mark.parametrize("who", sorted({*PEOPLE} - {"nobody"}))
def test_the_console_of_one_knows_nobody_of_the_other(consoles: tuple[Console, Console], who: str) -> None:
    there, here = consoles
    passkey = SoftKey()
    session = there.enrolled(who, passkey)
    assert there.ask("today", session=session).status_code != 401
    for question in (*OF_PERSONS, "log-out"):
        assert here.ask(question, session=session, **asked(question)).status_code == 401, question
    for name, act in every_act().items():
        kind = "ask" if act.reads else "carry-out"
        assert here.ask(kind, session=session, act=name, fields={}).status_code == 401, name
    signed = passkey.signed(here.to_log_in("b" * 43), ORIGIN)
    assert here.ask("log-in", browser="b" * 43, assertion=signed).status_code != 200


def test_a_program_of_one_may_nothing_at_the_other(north: Doors, consoles: tuple[Console, Console]) -> None:
    there, here = consoles
    credential = program(north, "everything", *every_act())
    for name, act in every_act().items():
        kind = "ask" if act.reads else "carry-out"
        if act.by_program and not act.streams:
            answer = there.ask(kind, session=credential, act=name, fields={"no": "field"})
            assert answer.json()["status"] == 422, name
        assert here.ask(kind, session=credential, act=name, fields={}).status_code == 401, name


@pytest.mark.parametrize("who", sorted(PEOPLE))
def test_an_account_that_is_somebody_at_one_is_nobody_at_the_other(
    north: Doors, south: Doors, who: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GATEWAY_ADMIN", "SUDO_USER", "SSH_AUTH_SOCK"):
        monkeypatch.delenv(name, raising=False)
    north.sit_down(who)
    for name, (function, _) in commands().items():
        right = right_of(name, function)
        assert south.lets(function) == (right is AccessRight.UNNAMED), name


def test_a_key_of_one_opens_no_mailbox_of_the_other(north: Doors, south: Doors) -> None:
    with north.room.open(), south.room.open():
        for who in PEOPLE:
            with north.room.sftp(who) as sftp:
                sftp.listdir("/")
            stranger = paramiko.Ed25519Key.from_private_key_file(str(north.room.root / f"{who}.key"))
            transport = paramiko.Transport(("127.0.0.1", south.room.port))
            with pytest.raises(paramiko.AuthenticationException):
                transport.connect(username=who, pkey=stranger)
            transport.close()


@pytest.fixture(scope="module")
def both(
    tmp_path_factory: pytest.TempPathFactory, cluster: Cluster, weed: Server
) -> Iterator[tuple[Workshop, Workshop]]:
    """A processor's home of each, with a school of the same name."""
    north = shared_home(tmp_path_factory.mktemp("northern"), weed, cluster.database("northern"))
    south = shared_home(tmp_path_factory.mktemp("southern"), weed, cluster.database("southern"))
    with closing(north), closing(south):
        yield north, south


def test_a_file_of_a_school_is_decided_where_it_was_sent_and_known_nowhere_else(
    both: tuple[Workshop, Workshop],
) -> None:
    parties: list[Party] = [each.provider("oak", years=THIS_YEAR, dfe_number="9994001") for each in both]
    content = core_data()
    sent = [each.send(party, content) for each, party in zip(both, parties, strict=True)]
    for desk, reference, other in zip(both, sent, reversed(both), strict=True):
        desk.process(reference)
        assert desk.state(reference) == "accepted"
        assert other.state(reference) == ""
        assert not other.events(reference)
        assert not other.receipts("oak", f"*{reference}*")
    # What a school of the north sealed to its gateway is of nobody's in the south.
    strayed = both[1].land(parties[1], parties[0].seal(content, both[0].certificate))
    both[1].process(strayed)
    assert both[1].state(strayed) == "refused"


def test_a_school_of_one_is_let_in_at_no_door_for_schools_of_the_other(
    both: tuple[Workshop, Workshop],
) -> None:
    """SFTP and the web door ask the same question."""
    parties = [each.provider("elm") for each in both]
    for each in both:
        publish_access(each.registry, each.home.published, each.now)
    doors = [Intake(each.home.spool, each.home.published, IntakeLimits()) for each in both]
    for place, party in enumerate(parties):
        key = asyncssh.read_public_key(party.ssh_public)
        lets = [asyncio.run(door.holds_key("elm", key, "192.0.2.1")) for door in doors]
        assert lets == [place == 0, place == 1]


def test_no_service_works_on_the_registry_of_another(both: tuple[Workshop, Workshop]) -> None:
    north, south = both
    own = south.home.settings.read_text()
    south.home.settings.write_text(own.replace("/southern?", "/northern?"))
    with north.registry.read() as session:
        before = log.size(session)
    try:
        for opened in (open_processor, open_resources):
            with (
                pytest.raises(ConfigurationError, match="another gateway's"),
                opened(south.home, south.clock),
            ):
                pass
        assert "another gateway's" in south.gateway("doctor", code=1)
    finally:
        south.home.settings.write_text(own)
    with north.registry.read() as session:
        assert log.size(session) == before


def test_the_role_of_one_is_not_let_into_the_database_of_the_other(cluster: Cluster) -> None:
    """As docs/cluster.md makes them: PostgreSQL lets everybody into a database that says nothing of it."""
    cluster.database("county", owner="keeper")
    cluster.database("borough")
    for name in ("county", "borough"):
        cluster.sql(f"revoke connect on database {name} from public")
    secret = "correct horse"  # pragma: allowlist secret
    keeper = {"host": str(cluster.folder), "user": "keeper", "password": secret}
    with psycopg.connect(dbname="county", **keeper) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(dbname="borough", **keeper)
