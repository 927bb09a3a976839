"""Tell web hooks of events: write messages for the courier, and keep each until reported as taken.

The messages in a hook's folder are determined by the log, the calendar, and the point up to which the hook
was told. After a kill, or at another host, the same messages are written again, with the same ids.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlmodel import Session

from gateway.access import known_to_program
from gateway.log.leaf import rfc3339
from gateway.policy.dates import local_day
from gateway.processor.handing_on import lay_out_folders, trouble_in
from gateway.record.dual_control import ENDS_OF
from gateway.record.registrar import Registrar
from gateway.registry import hand_ons, hooks, log
from gateway.registry.flow_status import overdue, statuses
from gateway.registry.tables import EventRow, HookRow
from gateway.zones.places import HOOK_SETTINGS, grant_lease
from gateway.zones.spool import BadFileError, read_words, write_durably

_SOON, _LATE = timedelta(days=7), timedelta(days=1)
_AT_ONCE = 200  # Each is made durable: a round ends before the courier's lease.
_IDLE, _PATIENCE = timedelta(minutes=10), timedelta(hours=72)
_SIGHT = known_to_program("web hooks")
_TROUBLE = {
    "certificate": "the certificate of the address is not trusted",
    "settings": "the courier has no usable key for it",
    "slow": "the address does not answer in time",
}
_GIVEN_UP = "given up"
"""The content of the note on a message that was given up. Of a message that was taken, the note is empty."""
Told = tuple[str, dict[str, Any]]
"""A message behind the name of its file, NUMBER_ID without the ending.

NUMBER is that of the log entry that the message is about, empty for a message about a day or an hour. ID is
the id of the message, which the courier sends with it.
"""


class HookRound:
    """Tells web hooks of events, through the courier. Of several hosts only the leader tells."""

    def __init__(self, registrar: Registrar) -> None:
        """Make the folder for the courier, which starts together with the processor."""
        if registrar.settings.hooks.key_file is not None:
            registrar.home.hooks.mkdir(mode=0o750, exist_ok=True)
        self._of_day: dict[str, tuple[object, list[Told]]] = {}
        self._term = 0

    def tend(self, registrar: Registrar, term: int = 0, held_at: float = 0.0) -> None:
        """Record the messages that web hooks have taken, and write new messages for the courier.
        `term`: how often this host has become the leader. `held_at`: when this host was last known to be the
        leader, in seconds since 1970; the courier gets a lease from then on.
        """
        with registrar.registry.read() as session:
            found = hooks.listed(session)
        root, key = registrar.home.hooks, registrar.settings.hooks.model_dump(mode="json", exclude_none=True)
        if term != self._term:
            lay_out_folders(root, {}, HOOK_SETTINGS)
            self._term = term
        lay_out_folders(root, {hook.name: {"address": hook.address} | key for hook in found}, HOOK_SETTINGS)
        for hook in found:
            self._tell(registrar, hook, root / hook.name, registrar.clock())
            grant_lease(root / hook.name / HOOK_SETTINGS, held_at)

    def _tell(self, registrar: Registrar, hook: HookRow, folder: Path, now: datetime) -> None:
        messages, until, is_full = self._messages(registrar, hook, now)
        waiting, taken, given_up = dict[str, timedelta](), False, dict[str, datetime]()
        done, (is_asked, since) = folder / "done", _asked(folder, messages)
        left = len(messages) if is_asked else _AT_ONCE
        # Test messages come last, so that a round that was cut off is repeated whole.
        for stem, told in sorted(messages.items(), key=lambda one: one[1]["type"] == "hook.tried"):
            path, note, at = folder / f"{stem}.json", done / stem, datetime.fromisoformat(told["timestamp"])
            is_lost = hook.lost_since is not None and hook.lost_since <= at and not is_asked
            if os.path.lexists(note) and (is_lost or not _is_sent_again(note, even_taken=since <= at)):
                taken |= path.exists()
                path.unlink(missing_ok=True)
                continue
            if not path.exists() and left > 0:
                left -= 1
                # One key signs for all hooks: no receiver can pass on to another what names this one.
                write_durably(path, json.dumps(told | {"hook": hook.name}).encode())
                os.utime(path, (now.timestamp(), now.timestamp()))
            put_at = path.stat().st_mtime if path.exists() else now.timestamp()
            waiting[stem] = now - datetime.fromtimestamp(put_at, UTC)
            if waiting[stem] > _PATIENCE:
                write_durably(note, _GIVEN_UP.encode())
                path.unlink()
                written = now - waiting.pop(stem)
                # A message about a day is dated anew each day: it is found again from the same look on.
                found_from = min(at, written, hook.looked_at + _LATE)
                given_up[stem] = found_from if stem.startswith("_") else at
        numbers = sorted(int(stem.partition("_")[0]) for stem in waiting if not stem.startswith("_"))
        # Messages that the address refuses keep nothing back if they are few, or some more while it takes
        # others: each round reads all of them.
        takes_some = any(int(stem.partition("_")[0] or -1) >= hook.entry for stem in {*messages} - {*waiting})
        goes_on = is_full and len(numbers) <= (hooks.AT_ONCE * 4 if takes_some else hooks.AT_ONCE // 2)
        entry = until if goes_on else min((one for one in numbers if one >= hook.entry), default=until)
        numbers = [one for one in numbers if one < entry]
        behind = ",".join(map(str, numbers)) or None
        by_day = any(stem.startswith("_") for stem in waiting)
        # A look from the future is of a clock that was ahead.
        looked_at = hook.looked_at if by_day or timedelta() <= now - hook.looked_at < _LATE else now
        trouble = trouble_in(folder, _TROUBLE, "the address is not reached")
        if trouble is None and any(age > _IDLE for age in waiting.values()):
            trouble = "nothing is sent: see that the courier is at work"
        before = hook.entry, hook.looked_at, hook.lost_since, hook.behind
        lost_since = _lost_since(registrar, hook, given_up)
        if taken or (*before, hook.trouble) != (entry, looked_at, lost_since, behind, trouble):
            with registrar.registry.write() as session:
                row = hooks.find(session, hook.name)
                if (row.entry, row.looked_at, row.lost_since, row.behind) != before:  # Set back meanwhile.
                    return
                row.entry, row.looked_at, row.lost_since, row.behind = entry, looked_at, lost_since, behind
                row.trouble, row.told_at = trouble, now if taken else row.told_at
                session.add(row)
        for path in (*folder.glob("*.json"), *(folder / "done").iterdir()):
            stem = path.name.removesuffix(".json")
            is_told = (
                stem in messages and int(stem.partition("_")[0] or until) < entry and stem not in waiting
            )
            if stem != "trouble" and (stem not in messages or is_told):
                with suppress(OSError):  # Whoever writes notes may put anything there.
                    path.unlink()

    def _messages(
        self, registrar: Registrar, hook: HookRow, now: datetime
    ) -> tuple[dict[str, dict[str, Any]], int, bool]:
        """Return a web hook's messages by file name without ending, the number of the log entry to read next,
        and True if there may be further entries to read. Messages begin where the hook's reports ended: at a
        log entry, and at a time for due data. Those left behind come first. Some may have been taken already.
        """
        with registrar.registry.within(lambda _: _SIGHT).read() as session:
            size = log.size(session)
            events = hooks.entries(session, hook.entry, size) if hook.entry < size else ()
            is_full = len(events) == hooks.AT_ONCE
            # What somebody asks for now does not wait until all entries before it are told.
            tries = log.events(session, "hooks", kind="hook-tried") if is_full else ()
            later = [one for one in tries if one.number > events[-1].number]
            left = hooks.behind(session, hook)
            found = [one for event in (*left, *events, *later) for one in _of_entry(session, event)]
        with registrar.registry.read() as session:
            today = local_day(now, registrar.catalogue.calendar.timezone)
            key = hook.looked_at, today, registrar.catalogue
            if self._of_day.get(hook.name, ((), []))[0] != key:
                self._of_day[hook.name] = key, list(_of_day(session, registrar, hook.looked_at, now))
            found += [*self._of_day[hook.name][1], *_of_hand_ons(session, hook.looked_at, now)]
        asked, teams = hook.events.split(","), set(filter(None, hook.teams.split(",")))
        wanted = {
            stem: told
            for stem, told in found
            if (told["type"] in asked and (not teams or not teams.isdisjoint(told["data"]["teams"])))
            or told["data"].get("hook") == hook.name
        }
        return wanted, events[-1].number + 1 if is_full else size, is_full


def _asked(folder: Path, messages: Mapping[str, Mapping[str, Any]]) -> tuple[bool, datetime]:
    """Return True if a test message of a web hook is still to be written; and the time from which tests not
    yet written ask for all messages again, far in the future if none asks.
    """
    asked = [
        datetime.fromisoformat(told["data"].get("since", "9999-12-31T00:00:00Z"))
        for stem, told in messages.items()
        if told["type"] == "hook.tried"
        and not (folder / f"{stem}.json").exists()
        and not os.path.lexists(folder / "done" / stem)
    ]
    return bool(asked), min(asked, default=datetime.max.replace(tzinfo=UTC))


def _lost_since(registrar: Registrar, hook: HookRow, given_up: Mapping[str, datetime]) -> datetime | None:
    """Return the moment since which messages are lost; None if none is. `given_up`: the losses found now, by
    message. If a clock was ahead once, log entries after a lost one may have earlier times: the moment is the
    earliest.
    """
    times = [*given_up.values(), *([hook.lost_since] if hook.lost_since else [])]
    if numbers := [int(stem.partition("_")[0]) for stem in given_up if not stem.startswith("_")]:
        with registrar.registry.read() as session:
            times.append(hooks.earliest(session, min(numbers)))
    return min(times, default=None)


def _is_sent_again(note: Path, *, even_taken: bool) -> bool:
    """Remove the note that a message was given up; return True if removed, and the message is to be sent
    again. `even_taken`: True to remove also a note that the message was taken.
    """
    try:
        if even_taken or read_words(note, len(_GIVEN_UP)) == _GIVEN_UP:
            note.unlink()
            return True
    except (OSError, BadFileError):  # Whoever writes notes may put anything there.
        pass
    return False


def _told(stem: str, kind: str, at: datetime, **data: object) -> Told:
    return stem, {"type": kind, "timestamp": rfc3339(at), "data": data}


def _of_entry(session: Session, event: EventRow) -> Iterator[Told]:
    """Yield the message about a log entry, if web hooks are told of entries of its kind."""
    fields = event.fields
    stem = f"{event.number:012}_entry-{event.number}-{hashlib.sha256(event.leaf).hexdigest()[:12]}"
    teams = fields.get("teams") or fields.get("team") or ""
    match event.kind, fields.get("state"):
        case "hook-tried", _:
            since = {"since": fields["begins"]} if "begins" in fields else {}
            yield _told(stem, "hook.tried", event.at, hook=fields["what"], teams=[], **since)
            return
        case ("delivered", _) | ("decided" | "released" | "redelivered", "accepted") if teams:
            kind = "file.accepted"
        case "decided", "held":
            kind = "file.held"
        case "withdrawn", "held":
            kind = "file.withdrawn"
            told = (one for one in log.events(session, event.subject) if one.kind not in ENDS_OF)
            earlier = (one.fields for one in told)
            teams = ",".join(one.get("teams") or one.get("team") or "" for one in earlier)
        case _:
            return
    yield _told(
        stem, kind, event.at, reference=event.subject, provider=fields.get("provider"),
        data_type=fields.get("data_type"), flow=fields.get("flow"),
        teams=sorted(set(filter(None, teams.split(",")))),
        codes=list(filter(None, fields.get("reasons", "").split(","))),
    )  # fmt: skip


def _of_hand_ons(session: Session, since: datetime, now: datetime) -> Iterator[Told]:
    """Yield a message for each batch whose acknowledgement became overdue after `since`."""
    for batch in hand_ons.unacknowledged(session, now):
        if batch.due_at is not None and since < batch.due_at <= now:
            name = hand_ons.name_of(batch)
            stem = f"_late-{name}-{batch.due_at:%Y%m%d%H%M%S}"
            yield _told(
                stem, "hand_on.late", batch.due_at, hand_on=batch.hand_on, batch=name, teams=[batch.team]
            )


def _of_day(session: Session, registrar: Registrar, since: datetime, now: datetime) -> Iterator[Told]:
    """Yield a message for each file of a provider that is due within a week, or has become late.
    Only changes after the day of `since` count. Daily and weekly flows are left out.
    """
    catalogue = registrar.catalogue
    first, today = (local_day(at, catalogue.calendar.timezone) for at in (since, now))
    if first >= today:
        return
    due = (
        ("due", provider, flow.flow, flow.data_type, flow.due)
        for provider, flows in statuses(session, catalogue, today)
        for flow in flows
        if flow.due is not None and flow.asked and flow.timescale not in {"daily", "weekly"}
        if flow.state in {"due", "not-due"} and first < flow.due - _SOON <= today <= flow.due
    )
    # One that was given up is told anew though another period is current by now.
    late = (
        ("late", provider, flow.id, entry.id, day)
        for provider, flow, entry, day in overdue(session, catalogue, (first, today - _LATE), today)
    )
    for what, provider, flow, data_type, day in (*due, *late):
        yield _told(
            f"_{what}-{provider.id}-{data_type}-{day:%Y%m%d}", f"data.{what}", now,
            provider=provider.id, data_type=data_type, flow=flow,
            due=day.isoformat(), teams=catalogue.entries[data_type].teams,
        )  # fmt: skip
