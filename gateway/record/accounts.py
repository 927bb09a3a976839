"""Accounts of transfers from the registry's rows, for reports to people."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from gateway.errors import NotFoundError
from gateway.model import Transfer
from gateway.policy.wording import UNNAMED, Wording
from gateway.record import outcome
from gateway.registry import breaches, keys, log, providers, transfer_lists, transfers
from gateway.registry.keys import Key
from gateway.registry.transfer_lists import TransfersWanted
from gateway.reports.breach import KeyInvolved
from gateway.reports.report import LoggedStep, TransferAccount


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The scope of a breach. `staff` are names, `keys` fingerprints or unique beginnings of fingerprints.

    `since` and `until` (excluded) limit the search by staff and keys, and count alone where nothing else is
    given.
    """

    references: tuple[str, ...] = ()
    staff: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None


def account(
    session: Session, reference: str, organisation: str, wording: Wording = UNNAMED
) -> TransferAccount:
    """Return the account of one transfer. NotFoundError where there is none."""
    return _account(session, transfers.get(session, reference), organisation, wording)


def accounts_of(
    session: Session, wanted: TransfersWanted, organisation: str, wording: Wording
) -> list[TransferAccount]:
    """Return the accounts of wanted transfers of one provider that the session sees.

    NotFoundError for an unknown provider.
    """
    providers.provider_row(session, wanted.provider or "")
    found = [one.upload.reference for page in transfer_lists.pages(session, wanted) for one in page]
    return [account(session, reference, organisation, wording) for reference in found]


def touched(session: Session, scope: Scope, organisation: str) -> list[TransferAccount]:
    """Return the transfers within a scope in the order of landing. NotFoundError for an unknown reference.

    For staff: the files opened, since the log records every opening beforehand. For a key: the files sent
    over, signed with or opened with the key; for the gateway's own, the files sealed to the key.
    """
    references = set(scope.references)
    for name in scope.staff:
        if not breaches.is_staff(session, name):
            raise NotFoundError(f"there is no member of staff {name}")
        references |= breaches.collected_by(session, name, scope.since, scope.until)
    for fingerprint in scope.keys:
        references |= _touched_by_key(session, named_key(session, fingerprint), scope)
    if not (scope.references or scope.staff or scope.keys):
        references |= breaches.stepped_between(session, scope.since, scope.until)
    found = [transfers.get(session, reference) for reference in references]
    found.sort(key=lambda transfer: transfer.sequence)
    return [_account(session, transfer, organisation) for transfer in found]


def keys_involved(session: Session, fingerprints: Collection[str]) -> tuple[KeyInvolved, ...]:
    """Return the keys of fingerprints. NotFoundError where one names none or several."""
    named = [named_key(session, fingerprint) for fingerprint in fingerprints]
    return tuple(
        KeyInvolved(
            owner=f"{key.owner_kind} {key.owner}", kind=key.kind, fingerprint=key.fingerprint, state=key.state
        )
        for key in named
    )


def named_key(session: Session, fingerprint: str) -> Key:
    """Return the key, of any owner, named by a fingerprint or a unique beginning of one."""
    wanted = fingerprint.replace(" ", "").lower()
    found = [key for key in keys.list_keys(session) if key.fingerprint.lower().startswith(wanted)]
    if not wanted or len(found) != 1:
        raise NotFoundError(f"there is no single key {fingerprint}")
    return found[0]


def _touched_by_key(session: Session, key: Key, scope: Scope) -> set[str]:
    if key.owner_kind == "staff":
        return breaches.collected_by(session, key.owner, scope.since, scope.until)
    asked = breaches.sealed_to if key.owner_kind == "gateway" else breaches.sent_with
    return asked(session, key.fingerprint, scope.since, scope.until)


def _account(
    session: Session, transfer: Transfer, organisation: str, wording: Wording = UNNAMED
) -> TransferAccount:
    provider = providers.get_provider(session, transfer.upload.provider)
    return TransferAccount(
        facts=outcome.receipt_facts(transfer, provider, organisation, wording=wording),
        ssh_key=transfer.upload.ssh_key,
        steps=tuple(
            LoggedStep(
                entry=step.event.number,
                at=step.event.at,
                kind=step.kind,
                who=step.event.actor,
                team=step.fields.get("team"),
                key=step.fields.get("key"),
                reasons=step.fields.get("reasons"),
                why=step.event.note,
            )
            for step in log.steps(log.events(session, transfer.upload.reference))
        ),
    )
