"""Held files for people who may see them: reasons, findings, and possible decisions."""

from sqlmodel import Session

from gateway.acts import headings, held_decisions, recalls
from gateway.acts.act import columns_of
from gateway.acts.transfers import happened
from gateway.errors import GatewayError
from gateway.home import shown_name
from gateway.mailboxes.console_api.context import Caller, ConsoleContext, DecliningError
from gateway.mailboxes.console_api.showing_files import findings_seen, team_named, type_named
from gateway.mailboxes.names import HELD
from gateway.model import Classified, Transfer
from gateway.policy.catalogue import Catalogue
from gateway.reasons import for_officers, waits_for_second
from gateway.record.registrar import KeylessRules
from gateway.registry import log, providers, transfer_lists, transfers
from gateway.registry.sight import is_sensitive
from gateway.registry.transfer_lists import TransfersWanted
from gateway.ssh.answers import Declined
from gateway.zones.console_api import Named, Shown


def wanted(caller: Caller) -> TransfersWanted:
    """Return the criteria for held files within a caller's sight."""
    return TransfersWanted(state="held", sight=caller.sight)


def ask_held_file(console: ConsoleContext, caller: Caller, *, reference: str) -> Shown:
    """Return the details of a held file. DecliningError if not held or invisible to the caller.

    `decides`: the caller may decide here. `recalled`: the file was withdrawn and waits for a second person.
    `proposed`: the open proposal of a release, or of a new delivery of a withdrawn file. `asked`: headings
    that the caller may explain, `meanings`: the items to choose from, `said`: explanations waiting for a
    second person. `owner`: the person assigned. `would`: the effect of a release now, in words. `again`:
    references of all waiting files with the same content, the newest last.
    """
    with console.mailboxes.registry.read() as session:
        transfer = look_at(session, caller, reference)
        names = providers.names(session)
        events = log.events(session, reference)
        asked = (recalls if waits_for_second(transfer) else held_decisions).proposal(session, reference)
        # A file held for a dropped key is decided elsewhere.
        needed = "recall" if waits_for_second(transfer) else "decide"
        decides = needed in caller.may and transfer.waits_for != "approval"
        owner = transfer_lists.owners_of_held_files(session, caller.sight).get(reference)
        would = _would(console, session, reference) if decides else ""
        again = transfer_lists.sent_again(session, [transfer])
        open_headings = headings.asked(session, transfer) if decides else ()
        said = headings.waiting(session, transfer.upload.provider, console.clock()) if open_headings else ()
    catalogue, content = console.catalogue(), transfer.content
    meanings = headings.meanings(console.home.policies_in_force, catalogue) if open_headings else {}
    known, proposed = content if isinstance(content, Classified) else None, None
    if asked is not None:
        kind, teams = catalogue.wording.name(asked.data_type), [*map(catalogue.wording.name, asked.teams)]
        proposed = columns_of([asked], "by", "at", "why")[0] | {"data_type": kind, "teams": teams}
    return {
        "file": _seen(transfer, catalogue, names),
        "upload_name": shown_name(transfer.upload.name),
        "evidence": content.evidence if content is not None else (),
        "pupils": known.pupils if known else None,
        "findings": findings_seen(content),
        "items": known.items if known else (),
        "unlisted": columns_of(
            known.unlisted if known else (), "position", "header", "place", "filled", "kind", "topic"
        ),
        "asked": open_headings,
        "meanings": [Named(id=key, name=label) for key, label in meanings.items()],
        "said": [one for one in said if one["heading"] in open_headings],
        "events": [*happened(events, transfer.upload.landed_at)],
        "proposed": proposed,
        "decides": decides,
        "owner": owner,
        "would": would,
        "recalled": waits_for_second(transfer),
        "again": again.get(reference, ()),
        "sent_on": _can_be_collected(console, caller, reference),
        "data_types": [named for each in catalogue.data_types() if (named := type_named(catalogue, each))],
        "teams": [team_named(catalogue, team.id) for team in catalogue.teams.team],
    }


def look_at(session: Session, caller: Caller, reference: str) -> Transfer:
    """Return a held file in the caller's sight. DecliningError for a file not held, invisible or unknown."""
    one = transfer_lists.find(session, wanted(caller), reference)
    if one is None:
        raise DecliningError("That file is not held, or it waits for others than you.")
    return transfers.get(session, reference)


def _seen(transfer: Transfer, catalogue: Catalogue, names: dict[str, str]) -> Shown:
    """Return a held file as a row of a list, with the reasons in words for officers."""
    upload = transfer.upload
    return {
        "reference": upload.reference,
        "why": for_officers(transfer.reasons),
        "provider": Named(id=upload.provider, name=names.get(upload.provider, upload.provider)),
        "data_type": type_named(catalogue, transfer.data_type),
        "landed_at": upload.landed_at,
        "held_until": transfer.held_until,
        "reasons": columns_of(transfer.reasons, "code", "clause", "sentence", "next_step"),
        "sensitive": is_sensitive(transfer),
    }


def _would(console: ConsoleContext, session: Session, reference: str) -> str:
    """Return the teams that would get a file released as it is, or the reason against a release."""
    rules = KeylessRules(console.home, console.catalogue())
    try:
        transfer = held_decisions.held(session, reference)
        asked = held_decisions.judged(rules, session, transfer, console.clock())
    except GatewayError as error:
        return f"{error}."
    return held_decisions.release_in_words(asked, rules.catalogue)


def _can_be_collected(console: ConsoleContext, caller: Caller, reference: str) -> bool:
    """Return True if the caller may open the file through the SFTP folder of held files."""
    try:
        console.mailboxes.place(caller.person, HELD, reference)
    except Declined:
        return False
    return True
