"""What a team has removed can be put back for 30 days; what was withdrawn ends for whoever reads it, too."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import select

from gateway.mailboxes import names
from gateway.model import Held, Released
from gateway.registry import transfers
from gateway.registry.tables import DeliveryRow
from gateway.ssh.answers import Declined
from tests.mailboxes.mailroom import NOW, Mailroom
from tests.policies import why

CONTENT = b"what the team was sent"


def test_what_is_removed_can_be_put_back(mailroom: Mailroom, team: str, person: str) -> None:
    reference = mailroom.deliver(CONTENT, team)
    path = mailroom.path(team, reference)
    with mailroom.sftp(person) as sftp:
        assert sftp.listdir(f"/removed/{team}") == []
        sftp.remove(path)
        assert sftp.listdir(f"/{team}") == []
        assert "removed" in sftp.listdir("/")
        assert sftp.listdir("/removed") == [team]
        assert sftp.listdir(f"/removed/{team}") == [path.rpartition("/")[2]]
        with pytest.raises(OSError, match="removed already"):
            sftp.remove(f"/removed{path}")
        sftp.rename(f"/removed{path}", path)
        assert (sftp.listdir(f"/removed/{team}"), sftp.listdir(f"/{team}")) == ([], [path.rpartition("/")[2]])
        assert sftp.open(path).read() == CONTENT
    kinds = [(event.kind, event.actor) for event in mailroom.events(reference)]
    assert kinds == [("dealt-with", person), ("restored", person), ("collected", person)]


@pytest.mark.parametrize("to", ["/removed/{team}/{name}", "/{team}/other.xml", "/{name}", "/held/{name}"])
def test_nothing_else_is_renamed(mailroom: Mailroom, team: str, person: str, to: str) -> None:
    path = mailroom.path(team, mailroom.deliver(CONTENT, team))
    name = path.rpartition("/")[2]
    with mailroom.sftp(person) as sftp:
        with pytest.raises(OSError, match=r"Nothing can be put here|No such file"):
            sftp.rename(path, to.format(team=team, name=name))
        sftp.remove(path)
        with pytest.raises(OSError, match=r"Nothing can be put here|No such file"):
            sftp.rename(f"/removed{path}", to.format(team=team, name=name))
        assert sftp.listdir(f"/{team}") == []


def test_after_thirty_days_it_is_gone(mailroom: Mailroom, team: str, person: str) -> None:
    reference = mailroom.deliver(CONTENT, team)
    path = mailroom.path(team, reference)
    with mailroom.sftp(person) as sftp:
        sftp.remove(path)
        with mailroom.registry.write() as session:
            row = session.exec(select(DeliveryRow).where(DeliveryRow.team == team)).one()
            assert row.dealt_with_at is not None
            row.dealt_with_at -= timedelta(days=30, seconds=1)
            session.add(row)
        assert sftp.listdir(f"/removed/{team}") == []
        with pytest.raises(FileNotFoundError):
            sftp.rename(f"/removed{path}", path)


def test_another_team_sees_nothing_of_it(mailroom: Mailroom, team: str, person: str) -> None:
    path = mailroom.path(team, mailroom.deliver(CONTENT, team))
    mailroom.staff(f"other-{team}", f"other-{team}")
    with mailroom.sftp(person) as sftp:
        sftp.remove(path)
    with mailroom.sftp(f"other-{team}") as sftp:
        assert team not in [*sftp.listdir("/"), *sftp.listdir("/removed")]
        for attempt in (sftp.stat, sftp.open, lambda there: sftp.rename(there, path)):
            with pytest.raises(FileNotFoundError):
                attempt(f"/removed{path}")


def test_who_reads_a_file_when_it_is_withdrawn_reads_no_further(
    mailroom: Mailroom, team: str, person: str
) -> None:
    reference = mailroom.deliver(CONTENT * 40_000, team)
    with mailroom.sftp(person) as sftp, sftp.open(mailroom.path(team, reference), bufsize=0) as file:
        assert file.read(4)
        with mailroom.registry.write() as session:
            withdrawn = Held(reasons=(why("person:withdrawn", "5.1", opened=""),))
            transfers.record_decisions(session, [(reference, withdrawn)], NOW)
        with pytest.raises(OSError, match="taken back"):
            file.read(4)
        assert sftp.listdir(f"/{team}") == []


@pytest.mark.parametrize("again", ["to another team", "not as it was sent"])
def test_who_read_it_before_reads_no_further_once_it_is_delivered_anew(
    mailroom: Mailroom, team: str, person: str, again: str
) -> None:
    reference = mailroom.deliver(CONTENT * 40_000, team)
    to = f"other-{team}" if again == "to another team" else team
    with mailroom.sftp(person) as sftp, sftp.open(mailroom.path(team, reference), bufsize=0) as file:
        assert file.read(4)
        anew = Released(flow="student-core", data_type="student-core", teams=(to,), reasons=())
        withdrawn = Held(reasons=(why("person:withdrawn", "5.1", opened=""),))
        with mailroom.registry.write() as session:
            transfers.record_decisions(session, [(reference, withdrawn)], NOW)
            transfers.record_decisions(session, [(reference, anew)], NOW)
        with pytest.raises(OSError, match="taken back"):
            file.read(4)


@pytest.mark.parametrize(
    "path", ["/removed/a/b/c", "/removed/removed/x/y", "/a/removed/b", "/removed//a/b/c/"]
)
def test_a_path_too_deep_means_nothing(path: str) -> None:
    with pytest.raises(Declined):
        names.place_of(path.encode())
