"""A provider's own page in its SFTP folder: /status.html for people, /calendar.ics for calendars.

Both are projections of the registry, like receipts, and say what `standing` says.
"""

import hashlib
import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

import icalendar
from jinja2 import Environment, PackageLoader, StrictUndefined

from gateway.policy.dates import spoken_minute
from gateway.policy.timescale import FlowStatus
from gateway.publish.standing import ProviderFacts, sections
from gateway.reasons.languages import told

# Version of the calendar's form: raise with each change, so that calendars are made again.
_FORM = 3
_MADE_OF = "X-GATEWAY-MADE-OF"
_SUMMARIES = {
    "due": "{data} due ({period})",
    "not-due": "{data} due ({period})",
    "missing": "{data} is late ({period})",
    "nil": "{data}: nothing to send ({period})",
}
_CAME = "{data} came ({period})"
TEMPLATES = Environment(
    loader=PackageLoader("gateway.publish"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
    lstrip_blocks=True,
)  # fmt: skip


def page(facts: ProviderFacts) -> str:
    """Return the page as HTML, once in each language: no script, no external content, readable at 320
    pixels.
    """
    return TEMPLATES.get_template("status.html").render(
        facts=facts,
        at=spoken_minute(facts.at, facts.catalogue.calendar.timezone),
        languages=facts.catalogue.wording.languages,
        sections=lambda language: sections(facts, language),
        tell=told,
    )


class _Event(NamedTuple):
    """An event of the calendar: a day of the agenda with its text, the same as on the page."""

    of: FlowStatus
    day: date
    summary: str

    @property
    def reminds(self) -> bool:
        return self.of.state in {"due", "not-due"}


def _events(facts: ProviderFacts) -> Iterator[_Event]:
    """Yield each day that the provider is asked to keep, from today on, and those that are late."""
    for one in (day for due in facts.due for day in due.days):
        if one.due and (one.due >= facts.today or one.state == "missing"):
            said = _SUMMARIES.get(one.state, _CAME)
            yield _Event(
                one, one.due, _said(facts, said.format(data=facts.named(one.data_type), period=one.period))
            )


def _said(facts: ProviderFacts, text: str) -> str:
    """Return a text in each language, one after the other."""
    return " / ".join(dict.fromkeys(told(text, language) for language in facts.catalogue.wording.languages))


def made_of(facts: ProviderFacts) -> str:
    """Return a digest of the calendar's content except the time of making."""
    days = [(one.of.data_type, str(one.day), one.summary, one.reminds) for one in _events(facts)]
    said = json.dumps([_FORM, facts.authority.organisation, facts.provider.id, days])
    return hashlib.blake2b(said.encode(), digest_size=16).hexdigest()  # So short that its line is not folded.


def tells_the_same(made: bytes, facts: ProviderFacts) -> bool:
    """Return True where an existing calendar has the content of a new one."""
    return f"\r\n{_MADE_OF}:{made_of(facts)}\r\n".encode() in made


def calendar(facts: ProviderFacts) -> bytes:
    """Return the deadlines as an iCalendar file (RFC 5545), as whole days; what has not come has a reminder
    a week before.
    """
    made = icalendar.Calendar()
    made.add("prodid", "-//gateway//deadlines//EN")
    made.add("version", "2.0")
    made.add("x-wr-calname", _said(facts, f"Due to {facts.authority.organisation}"))
    made.add(_MADE_OF, made_of(facts))
    for one in _events(facts):
        event = icalendar.Event()
        event.add("uid", f"{one.of.data_type}-{one.day:%Y%m%d}-{facts.provider.id}@gateway.invalid")
        event.add("dtstamp", facts.at)
        event.add("dtstart", one.day)
        event.add("dtend", one.day + timedelta(days=1))
        event.add("summary", one.summary)
        event.add("transp", "TRANSPARENT")
        if one.reminds:
            reminder = icalendar.Alarm()
            reminder.add("action", "DISPLAY")
            in_a_week = f"{facts.named(one.of.data_type)} is due in a week"
            reminder.add("description", _said(facts, in_a_week))
            reminder.add("trigger", timedelta(days=-7))
            event.add_component(reminder)
        made.add_component(event)
    return bytes(made.to_ical())
