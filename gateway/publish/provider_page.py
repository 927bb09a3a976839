"""Make a provider's own page in the SFTP folder: /status.html for people, /calendar.ics for calendars.

Both are made from the registry, with the sentences of `standing`.
"""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64encode
from collections.abc import Callable, Collection, Iterator
from datetime import date, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import icalendar
from jinja2 import Environment, PackageLoader, StrictUndefined
from sqlmodel import Session, col, func, select

from gateway.classify import load_rules
from gateway.classify.load import known_headings
from gateway.errors import Fault
from gateway.home import Published, policy_digest, policy_files
from gateway.home.settings import Settings
from gateway.openpgp.sealer import clearsign, sign_detached
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import local_day, spoken_minute
from gateway.policy.timescale import FlowStatus
from gateway.publish.projection import is_whole, published_is_written, replace_published
from gateway.publish.standing import ProviderFacts, gather, read_for_all, sections
from gateway.reasons.languages import translate
from gateway.registry import log, providers
from gateway.registry.database import Registry
from gateway.registry.flow_status import statuses
from gateway.registry.tables import ReceiptRow, SchoolOfTransferRow, TransferRow
from gateway.secrets.signing import Signing

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
_REMINDED = {"due", "not-due"}
_HEAD_SIZE = re.compile(r"^ {4}Size {12}(\d+)$", re.MULTILINE)  # As a receipt's text has it.
_HEADS = 60  # About as many as a school's browsers see in a term; each has a proof of some 20 hashes.
TEMPLATES = Environment(
    loader=PackageLoader("gateway.publish"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
    lstrip_blocks=True,
)  # fmt: skip


def page(facts: ProviderFacts) -> str:
    """Return the provider's page as HTML, in each language of receipts, without scripts or other files."""
    return TEMPLATES.get_template("status.html").render(
        facts=facts,
        at=spoken_minute(facts.at, facts.catalogue.calendar.timezone),
        languages=facts.catalogue.wording.languages,
        sections=lambda language: sections(facts, language),
        tell=translate,
    )


def _entries(facts: ProviderFacts) -> Iterator[tuple[FlowStatus, date, str]]:
    """Yield the entries of a provider's calendar: a flow, the day by which its data is due, and a title.
    There is an entry for each due day from today on, and for each due day that the provider has missed.
    """
    for one in chain.from_iterable(facts.due):
        if not one.due or not one.asked or one.timescale in {"daily", "weekly"}:
            continue
        if one.due >= facts.today or one.state == "missing":
            said = _SUMMARIES.get(one.state, _CAME)
            title = said.format(data=facts.named(one.data_type), period=one.period)
            yield one, one.due, _said(facts, title)


def _said(facts: ProviderFacts, text: str) -> str:
    """Return a text in each language of receipts, with slashes between."""
    return " / ".join(
        dict.fromkeys(translate(text, language) for language in facts.catalogue.wording.languages)
    )


def made_of(facts: ProviderFacts) -> str:
    """Return a digest of the calendar's entries: a calendar with the same digest need not be made again."""
    days = [
        (flow.data_type, str(day), title, flow.state in _REMINDED) for flow, day, title in _entries(facts)
    ]
    said = json.dumps([_FORM, facts.settings.organisation, facts.provider.id, days])
    return hashlib.blake2b(said.encode(), digest_size=16).hexdigest()  # So short that its line is not folded.


def calendar(facts: ProviderFacts) -> bytes:
    """Return the days by which data is due as an iCalendar file (RFC 5545), with reminders a week before."""
    made = icalendar.Calendar()
    made.add("prodid", "-//gateway//deadlines//EN")
    made.add("version", "2.0")
    made.add("x-wr-calname", _said(facts, f"Due to {facts.settings.organisation}"))
    made.add(_MADE_OF, made_of(facts))
    for flow, day, title in _entries(facts):
        event = icalendar.Event()
        event.add("uid", f"{flow.data_type}-{day:%Y%m%d}-{facts.provider.id}@gateway.invalid")
        event.add("dtstamp", facts.at)
        event.add("dtstart", day)
        event.add("dtend", day + timedelta(days=1))
        event.add("summary", title)
        event.add("transp", "TRANSPARENT")
        if flow.state in _REMINDED:
            reminder = icalendar.Alarm()
            reminder.add("action", "DISPLAY")
            in_a_week = f"{facts.named(flow.data_type)} is due in a week"
            reminder.add("description", _said(facts, in_a_week))
            reminder.add("trigger", timedelta(days=-7))
            event.add_component(reminder)
        made.add_component(event)
    return bytes(made.to_ical())


# Write the pages of all providers into published/, after changes and on a new day.


def publish_pages(
    registry: Registry, published: Published, catalogue: Catalogue, signing: Signing, *,
    settings: Settings, at: datetime, only: Collection[str] | None = None,
) -> int:  # fmt: skip
    """Write /status.html, its signature and /calendar.ics of all providers, or of those in `only`; return how
    many. A calendar with unchanged days stays as it is. For an instant a new page may stand beside the
    signature of the previous one. Raises Fault where published/ cannot be written.
    """
    day = local_day(at, catalogue.calendar.timezone)
    written = 0
    with published_is_written(), registry.read() as session:
        rows = read_for_all(session, catalogue, day)
        for provider, flows in statuses(session, catalogue, day, only):
            facts = gather(session, catalogue, provider, flows, rows, settings=settings, at=at)
            folder = published.pages(provider.id)
            folder.mkdir(parents=True, exist_ok=True)
            html = page(facts)
            replace_published(folder / "status.html", html)
            signature = sign_detached(signing.openpgp, html.encode()).decode("ascii")
            replace_published(folder / "status.html.asc", signature)
            # Write a calendar only where changed: making one takes longer than the rest of the pages.
            path = folder / "calendar.ics"
            if not is_whole(path, f"\n{_MADE_OF}:{made_of(facts)}\n", "END:VCALENDAR"):
                replace_published(path, calendar(facts).decode())
            written += 1
    return written


def publish_log_proofs(registry: Registry, published: Published, only: Collection[str] | None) -> None:
    """Write log.json of all providers, or `only` some: proofs that the log has only grown since each receipt.
    The file holds the newest signed head, and a consistency proof (RFC 9162, 2.1.4) from the head in each of
    the provider's latest receipts, and from each head in the previous log.json, for a browser to check.
    Raises Fault where published/ cannot be written.
    """
    with published_is_written(), registry.read() as session:
        head = log.newest_head(session)
        if head is None:
            return
        for provider in [one.id for one in providers.list_providers(session)] if only is None else only:
            path = published.pages(provider) / "log.json"
            latest = select(ReceiptRow.text).where(ReceiptRow.provider == provider)
            texts = session.exec(latest.order_by(col(ReceiptRow.sequence).desc()).limit(_HEADS)).all()
            seen = _sizes_in(path)
            seen |= {int(size) for text in texts for size in _HEAD_SIZE.findall(text)[-1:]}
            sizes = sorted(size for size in seen if 0 < size < head.size)[-_HEADS:]
            proofs = {
                size: [b64encode(node).decode() for node in proof]
                for size, proof in zip(sizes, log.consistency_proofs(session, sizes, head.size), strict=True)
            }
            told = {"size": head.size, "head": head.text, "proofs": proofs}
            replace_published(path, json.dumps(told))


def _sizes_in(path: Path) -> set[int]:
    """Return the sizes of the heads in a log.json; none if the file is missing or was cut short."""
    try:
        told = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return set()
    return {told["size"], *map(int, told["proofs"])}


def publish_policies(published: Published, policies: Path, signing: Signing, at: datetime) -> None:
    """Write /agreement/policies.asc and headings.asc, used to check files before sending.
    A provider's program uses the first, a browser the second. Each is one signed line of JSON, left alone
    while the policies and the key stay the same. `policies`: the folder of a version, named by the digest.
    Raises Fault if the policies in the folder no longer have that digest.
    """
    of = {"digest": policy_digest(policies), "key": signing.fingerprint}
    if of["digest"] != policies.name:
        raise Fault(f"{policies} was changed on the disk: bring it back from a backup")
    shown: dict[str, Callable[[], dict[str, Any]]] = {
        "policies.asc": lambda: {
            "files": {one.name: one.read_text("utf-8") for one in policy_files(policies)}
        },
        "headings.asc": lambda: known_headings(load_rules(policies)),
    }
    for name, content in shown.items():
        path = published.common / "agreement" / name
        if is_whole(path, json.dumps(of)[1:-1]):
            continue
        line = json.dumps({**of, "at": at.isoformat(), **content()})
        with published_is_written():
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_published(path, clearsign(signing.openpgp, line))


def told_since(session: Session, sequence: int, up_to: int) -> tuple[set[str], int]:
    """Return the providers with new receipts or notices, and the number of the newest receipt or notice.
    New are the numbers above `sequence` and up to `up_to`. If there are none, the number returned is
    `sequence`. A receipt for a trust's file counts for each school in the file.
    """
    query = (
        select(ReceiptRow.provider, SchoolOfTransferRow.provider, func.max(ReceiptRow.sequence))
        .select_from(ReceiptRow)
        .outerjoin(TransferRow, col(TransferRow.reference) == col(ReceiptRow.reference))
        .outerjoin(SchoolOfTransferRow, col(SchoolOfTransferRow.transfer) == col(TransferRow.sequence))
        .where(col(ReceiptRow.sequence) > sequence, col(ReceiptRow.sequence) <= up_to)
        .group_by(col(ReceiptRow.provider), col(SchoolOfTransferRow.provider))
    )
    rows = session.exec(query).all()
    told = {provider for *both, _ in rows for provider in both if provider is not None}
    return told, max([sequence, *(number or 0 for *_, number in rows)])
