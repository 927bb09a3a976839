"""Answer questions about schools: a table of the data due from each, and the page of one school."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field
from sqlmodel import Session

from gateway.acts.listing import columns_of
from gateway.mailboxes.console_api.context import OR_DEFAULT, Before, Caller, ConsoleContext, type_named
from gateway.policy.dates import local_day, spoken
from gateway.policy.ratification import status_on
from gateway.policy.timescale import coming_requirements
from gateway.reasons import for_officers, outcome_of
from gateway.registry import agreements, discrepancies, keys, providers, receipts, register, transfer_lists
from gateway.registry.flow_status import statuses
from gateway.registry.tables import LetterRow, ProviderRow
from gateway.registry.tables.row import rows
from gateway.registry.transfer_lists import TransfersWanted
from gateway.zones.console_api import Named, Shown

ROWS = 50
FILES = 20
TOLD = 20
_CELL = ("data_type", "state", "due", "missed", "to_chase")
_KEY = ("kind", "fingerprint", "state", "added_at", "added_by", "until", "last_used_at", "why")
_NOTICES = {
    receipts.KEY_NOTICE: "about a key",
    receipts.AGREEMENT_NOTICE: "about the agreement",
    receipts.DISCREPANCY_NOTICE: "about pupils on two rolls",
}


def ask_schools(
    console: ConsoleContext,
    _caller: Caller,
    *,
    late: Annotated[bool, OR_DEFAULT] = False,
    on: Annotated[date | None, Field(ge=date(1900, 1, 1), lt=date(3000, 1, 1))] = None,
    page: Annotated[int, Field(ge=0), OR_DEFAULT] = 0,
) -> Shown:
    """Return a page of the table of schools, in the order of names, with the data due at the end of a day.
    `page` counts from 0. `late`: only schools with something overdue. `on`: the day, by default today.
    """
    catalogue = console.catalogue()
    day = on or local_day(console.clock(), catalogue.calendar.timezone)
    with console.mailboxes.registry.read() as session:
        enrolled = providers.list_providers(session)
    everybody = sorted(enrolled, key=lambda each: each.name.casefold())
    span = slice(page * ROWS, (page + 1) * ROWS)
    only = None if late else [each.id for each in everybody[span]]  # Who is late: judge all.
    judged_at, flows = console.judged(day, only)
    if late:
        everybody = [each for each in everybody if any(flow.to_chase for flow in flows[each.id])]
    shown = everybody[span]
    found = {
        each.id: {cell["data_type"]: cell for cell in columns_of(flows[each.id], *_CELL)} for each in shown
    }
    types = [each for each in catalogue.data_types() if any(each in cells for cells in found.values())]
    return {
        "on": day,
        "judged_at": judged_at,
        "data_types": [type_named(catalogue, each) for each in types],
        "schools": [
            {
                "school": Named(id=each.id, name=each.name),
                "cells": [found[each.id].get(data_type) for data_type in types],
            }
            for each in shown
        ],
        "page": page,
        "first": span.start + 1,
        "total": len(everybody),
        "late": late,
    }


def ask_school(console: ConsoleContext, caller: Caller, *, provider: str, before: Before = None) -> Shown:
    """Return the details of a provider, with a page of files: the latest with sequences below `before`.
    `standing`: "ratified", "lapsed" or "never"; "" for a provider that is no party to the agreement. `next`:
    the `before` of the next page, with earlier files. NotFoundError for an unknown provider.
    """
    catalogue, bodies = console.catalogue(), console.catalogue().bodies
    on = local_day(console.clock(), catalogue.calendar.timezone)
    with console.mailboxes.registry.read() as session:
        row = providers.provider_row(session, provider)
        wanted = TransfersWanted(provider=provider, before=before, sight=caller.sight)
        years = register.of(session).years(row.id, catalogue.text_wanted, on)
        files = transfer_lists.latest(session, wanted, FILES + 1)
        shown = files[:FILES]
        names = {one: type_named(catalogue, one).name for one in catalogue.data_types()}
        ((_, cells),) = statuses(session, catalogue, on, [row.id], sees_all=caller.sight.is_whole)
        return {
            "school": Named(id=row.id, name=row.name),
            **columns_of([row], "kind", "dfe_number", "urn", "suspended", "closed_on")[0],
            "contacts": columns_of(providers.contacts(session, row.id), "role", "email", "telephone"),
            "ratifications": [
                {"academic_year": each.academic_year, "signatory": each.signatory, "on": each.ratified_on}
                for each in agreements.ratifications(session, row.id)
            ],
            "standing": status_on(years, on, catalogue).standing if row.kind in bodies.parties else "",
            "cells": [
                cell | {"kind": names.get(cell["data_type"], cell["data_type"])}
                for cell in columns_of(cells, *_CELL, "last")
            ],
            "keys": _keys(session, row.id),
            "discrepancies": _discrepancies(session, row),
            "told": _told(session, row),
            "becomes": bodies.of(row.kind).becomes,
            "coming": [
                f"{catalogue.wording.name(each.data_type)}, "
                f"{spoken(due) if due else 'from now on'}: {each.says}"
                for each, due in coming_requirements(catalogue, on)
            ],
            "signatories": [
                Named(id=one.role, name=one.name) for one in catalogue.agreement.signatories(row.kind)
            ],
            "files": [
                {
                    "reference": each.upload.reference,
                    "data_type": type_named(catalogue, each.data_type) if each.data_type else None,
                    "state": outcome_of(each.state, each.reasons),
                    "landed_at": each.upload.landed_at,
                    "why": "" if each.state == "accepted" else for_officers(each.reasons),
                }
                for each in shown
            ],
            "next": shown[-1].sequence if len(files) > FILES else None,
        }


def _keys(session: Session, provider: str) -> list[Shown]:
    """Return a provider's keys. `suspended_by`: the person who has revoked a key, without a second person so
    far.
    """
    known = keys.list_keys(session, "provider", provider)
    alone = [keys.suspension(session, key) for key in known]
    return [
        shown | ({"state": "suspended", "suspended_by": entry.actor} if entry else {})
        for shown, entry in zip(columns_of(known, *_KEY), alone, strict=True)
    ]


def _discrepancies(session: Session, row: ProviderRow) -> list[Shown]:
    """Return the open discrepancies with other schools, newest first, each with the other schools' names."""
    found = discrepancies.of_providers(session, [row.id], ["open"])[::-1]
    parties, names = discrepancies.parties(session, found), providers.names(session) if found else {}
    return [
        {
            "number": each.number,
            "what": discrepancies.MEANINGS[each.kind],
            "others": [
                names[one]
                for one in sorted({said["provider"] for said in parties[each.number or 0]} - {row.id})
            ],
            "opened_at": each.opened_at,
        }
        for each in found
    ]


def _told(session: Session, row: ProviderRow) -> list[Shown]:
    """Return the latest notices and letters to a school, latest first, without the letters' texts."""
    found: list[Shown] = [
        {"at": at, "what": _NOTICES.get(name, name), "how": "notice", "became": f"published as {reference}"}
        for reference, name, at in receipts.notices_to(session, row.id, TOLD)
    ]
    found += [
        {"at": each.owed_at, "what": each.subject, "how": "letter", "became": _became(each)}
        for each in rows(session, LetterRow, "-number", limit=TOLD, provider=row.id)
    ]
    return sorted(found, key=lambda each: each["at"], reverse=True)[:TOLD]


def _became(letter: LetterRow) -> str:
    if letter.bounced_at is not None:
        return "came back"
    if letter.refused is not None:
        return "was not sent"
    return "waits for the relay" if letter.sent_at is None else "is with the relay"
