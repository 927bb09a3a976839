"""Acts on hosts (machines) that share the work: list, remove, and take over a dead host's uploads."""

from pathlib import Path
from typing import ClassVar

from sqlmodel import Session

from gateway.access import AccessRight
from gateway.acts.act import Act, ActContext, ActDone
from gateway.acts.fields import Why, argument, option
from gateway.acts.listing import ListingAct, Row
from gateway.errors import GatewayError, NotFoundError
from gateway.home.settings import load_settings
from gateway.model import counted
from gateway.registry import hosts
from gateway.registry.hosts import Host
from gateway.zones.spool import take_over


class ListHosts(ListingAct, command="hosts list", right=AccessRight.LOOK):
    """List the hosts on record: their last reports.

    `rounds` marks the leader, `spool` is the number of uploads waiting at the host, `oldest` how long the
    first of them has waited, `clock` how far its clock is from the database's.
    """

    beside: ClassVar = ("hosts remove:name",)
    columns: ClassVar = ("name", "said", "state", "rounds", "spool", "oldest", "clock", "keys")
    empty: ClassVar = "no host is on record that shares the work"

    def rows(self, context: ActContext) -> list[Row]:
        """Return a row for each host, from its last report."""
        with context.reading() as session:
            found = hosts.known(session)
            leaving = {one.name for one in found if hosts.was_removed(session, one.name)}
        every = frozenset[str]().union(*(one.holds for one in found))
        return [
            {
                "name": one.name,
                "said": one.seen_at,
                "state": ("leaving" if one.name in leaving else "at work") if one.is_at_work else "silent",
                "rounds": "here" if one.leads else "",
                "spool": one.spool,
                "oldest": f"{one.oldest_seconds:.0f} s" if one.spool else "",
                "clock": f"{one.ahead_seconds:+.1f} s",
                "keys": "all"
                if one.holds >= every
                else f"{len(every - one.holds)} lacking: see gateway doctor",
            }
            for one in found
        ]


class RemoveHost(Act, command="hosts remove", right=AccessRight.ENROL):
    """Take a host off the record, in your name: nobody is told any more that the host is silent.

    The host's home is not touched. First end the uploads there, while the host is at work ("leaves"). Stop
    the host once the spool is empty, then remove it.
    """

    name: str = argument("The host, as `gateway hosts list` shows it.")
    lost: bool = option("Its disk is lost, with the uploads that waited there.", False)
    leaves: bool = option("It is at work, and is to take no more uploads, for good.", False)
    why: Why

    def carry_out(self, context: ActContext) -> ActDone:
        """Remove the host, or only end the uploads there. GatewayError if the host runs and does not leave,
        has uploads in the spool, unless `lost`, or leaves as the last that takes uploads.
        """
        with context.recording() as record:
            if self.leaves and _known(record.session, self.name):
                others = [one.name for one in hosts.known(record.session) if one.is_at_work]
                if all(one == self.name or hosts.was_removed(record.session, one) for one in others):
                    raise GatewayError(f"{self.name} cannot leave: no other host at work takes uploads")
                if not hosts.was_removed(record.session, self.name):
                    record.note("host-removed", self.name, {"count": 0}, self.why)
                return ActDone(
                    f"{self.name} takes no more uploads once `gateway hosts list` calls it leaving. When its "
                    "spool is empty, stop its services, and remove it without --leaves"
                )
            if (host := _stopped_host(record.session, self.name)) is None:
                raise NotFoundError(f"{self.name} is off the record already")
            if host.spool and not self.lost:
                raise GatewayError(
                    f"{counted(host.spool, 'upload')} waited in the spool of {host.name}: start it again, or "
                    "take them over (gateway hosts take-over); if its disk is lost, say --lost"
                )
            hosts.forget(record.session, host.name)
            record.note("host-removed", host.name, {"count": host.spool}, note=self.why)
        return ActDone(
            f"{self.name} is off the record. Nobody sees what its intake takes from now on: see that it is "
            "stopped, and out of the balancer"
        )


class TakeSpoolOver(Act, command="hosts take-over", right=AccessRight.ENROL):
    """Take the uploads of a dead host into the spool of this host, in your name. Never while that host runs.

    An upload that is on record already is not taken twice. The time of the move counts as the landing; the
    receipt says so.
    """

    in_console: ClassVar = False  # It reads a folder of this machine.

    name: str = argument("The dead host, or one that was removed.")
    folder: str = argument("Its spool on this machine: its disk, or a whole copy.")
    why: Why

    def carry_out(self, context: ActContext) -> ActDone:
        """Move each complete upload of the dead host into this host's spool; log the number of uploads."""
        with context.reading() as session:
            _stopped_host(session, self.name)
        if self.name == load_settings(context.home).host.name:
            raise GatewayError(f"{self.name} is this host")
        try:
            moved = take_over(Path(self.folder), context.home.spool)
        except OSError as error:
            told = f"{self.folder}: {error.strerror}; what was not taken is still there: try again"
            raise GatewayError(told) from None
        with context.recording() as record:
            _stopped_host(record.session, self.name)
            hosts.empty(record.session, self.name)
            record.note("host-taken-over", self.name, {"count": moved}, note=self.why)
        told = counted(moved, f"upload of {self.name} is", f"uploads of {self.name} are")
        return ActDone(f"{told} in the spool of this host")


def _known(session: Session, name: str) -> Host | None:
    """Return the host `name`; None if the host was removed. NotFoundError if there never was such a host."""
    host = next((one for one in hosts.known(session) if one.name == name), None)
    if host is None and not hosts.was_removed(session, name):
        raise NotFoundError(f"no host {name} is on record")
    return host


def _stopped_host(session: Session, name: str) -> Host | None:
    """Return the host `name`, now stopped; None if removed. GatewayError if the host is unknown or runs."""
    host = _known(session, name)
    if host is not None and (host.is_at_work or host.since is not None):
        raise GatewayError(
            f"{name} is at work, or was a moment ago: stop its services and switch the machine off (the "
            "database notices within a minute), or, to remove it, say --leaves first"
        )
    return host
