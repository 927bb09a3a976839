"""Schools are enrolled and changed: by administrators, each act in their name, as the commands do it."""

from __future__ import annotations

from pathlib import Path

from gateway.enrolment import numbers
from gateway.errors import GatewayError
from gateway.mailboxes.hatch.acts import reason
from gateway.mailboxes.hatch.counter import Caller, Counter
from gateway.mailboxes.hatch.key_acts import RING, enrolling, judged
from gateway.mailboxes.hatch.logins import check_signed
from gateway.model import NewKey, Provider
from gateway.policy.catalogue import Catalogue
from gateway.record.enroller import Enroller
from gateway.record.provider_list import AS_BEFORE, ListTakenIn, TriedError, take_in
from gateway.registry.contacts import Contact
from gateway.zones.hatch import school_acts as asked
from gateway.zones.hatch.answers import Done
from gateway.zones.hatch.school_answers import ListedSeen, ListTried


def enrol_school(counter: Counter, caller: Caller, act: asked.EnrolSchool) -> Done:
    """Enrol a provider, with its keys, which then wait for the telephone call."""
    provider = _provider(counter.catalogue(), act)
    new = [judged(counter, text) for text in (act.ssh_key, act.openpgp_key) if text.strip()]
    check_signed(counter, caller, act)
    with enrolling(counter, caller) as (enroller, _):
        enroller.add(provider)
        for key in new:
            enroller.add_key("provider", provider.id, key, state="pending")
    return Done(sentence=f"{provider.name} is enrolled as {provider.id}. {RING if new else ''}".strip())


def try_import(counter: Counter, caller: Caller, question: asked.TryImport) -> ListTried:
    """What would come of a list. Nothing of it stays."""
    taken: ListTakenIn | None = None
    try:
        with enrolling(counter, caller) as (enroller, _):
            taken = _taken_in(counter, enroller, question.text)
            raise TriedError  # noqa: TRY301 - the transaction is given up by leaving it
    except TriedError:
        pass
    if taken is None:
        raise GatewayError("The list could not be tried.")
    return ListTried(
        lines=tuple(
            ListedSeen(
                line=one.listed.line,
                id=one.listed.id,
                name=one.listed.name,
                kind=one.listed.kind,
                dfe_number=one.listed.dfe_number,
                urn=one.listed.urn,
                role=one.listed.role,
                email=one.listed.email,
                telephone=one.listed.telephone,
                what=one.what,
            )
            for one in taken.lines
        ),
        passed_over=tuple(f"line {line}: {why}" for line, why in taken.read.passed_over),
        changes=sum(one.what != AS_BEFORE for one in taken.lines),
    )


def import_schools(counter: Counter, caller: Caller, act: asked.ImportSchools) -> Done:
    """Put a list on record, all of it or nothing."""
    check_signed(counter, caller, act)
    with enrolling(counter, caller) as (enroller, _):
        taken = _taken_in(counter, enroller, act.text)
    new = sum(one.what == "new" for one in taken.lines)
    same = sum(one.what == AS_BEFORE for one in taken.lines)
    changed = len(taken.lines) - new - same
    return Done(sentence=f"The list is taken in: {new} new, {changed} changed, {same} as they were.")


def set_contact(counter: Counter, caller: Caller, act: asked.SetContact) -> Done:
    """Keep or forget how a provider is reached for a role."""
    why = reason(act.why) if act.why else None
    check_signed(counter, caller, act)
    with enrolling(counter, caller) as (enroller, _):
        if not act.email and not act.telephone:
            enroller.forget_contact(act.provider, act.role, why)
            return Done(sentence=f"The contact “{act.role}” of {act.provider} is forgotten.")
        contact = Contact(
            provider=act.provider, role=act.role, email=act.email or None, telephone=act.telephone or None
        )
        new = enroller.keep_contact(contact, why)
    return Done(sentence=f"The contact is {'on record' if new else 'on record so already'}.")


def _provider(catalogue: Catalogue, act: asked.EnrolSchool) -> Provider:
    if not act.name.strip() or not act.name.isprintable():
        raise GatewayError("A provider has a name, on one line.")
    return Provider(
        id=act.provider,
        name=act.name.strip(),
        kind=_kind(catalogue, act.kind),
        dfe_number=numbers.dfe_number(act.dfe_number or None),
        urn=numbers.urn(act.urn or None),
    )


def _kind(catalogue: Catalogue, given: str) -> str:
    if given not in catalogue.bodies.kinds():
        raise GatewayError(f"A provider is one of {', '.join(catalogue.bodies.kinds())}.")
    return given


def _taken_in(counter: Counter, enroller: Enroller, text: str) -> ListTakenIn:
    return take_in(enroller, text.encode(), counter.catalogue().bodies, Path(), _no_key)


def _no_key(_: Path) -> NewKey:
    """A list from a browser names no files here."""
    raise GatewayError("it names a key file: leave that column out, and add keys on the school's own page")
