"""Acts that change keys: add, confirm, retire, restore and revoke."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from sqlmodel import Session

from gateway.access import AccessRight
from gateway.acts.act import Act, ActContext, ActDone
from gateway.acts.fields import GivenFile, MomentAfter, Why, argument, option
from gateway.acts.keys import OWNER, RING_TO_CONFIRM_KEY, OfStaff, check_read_out, owner_kind_of
from gateway.enrolment.key_file import described, is_ssh, judge, updated
from gateway.errors import GatewayError, NotFoundError, Refusal
from gateway.home.settings import load_settings, read_toml
from gateway.keys.changes import Clerk
from gateway.model.invitation import are_words, compare, keys_words
from gateway.openpgp.certificates import describe
from gateway.policy.small_schemas import MethodsFile
from gateway.publish.projection import publish_access
from gateway.record.dual_control import (
    WAITS_FOR_SECOND_PERSON,
    TwoPersonAct,
    agreed,
    agreed_to_give,
    are_named_two,
    check_two,
    proposal,
    reject,
    takes_two,
)
from gateway.record.reconsider import reconsider
from gateway.registry import givings, keys, logins, roles
from gateway.registry.keys import Key, OwnerKind, Revocation

_Fingerprint = Annotated[str, argument("The fingerprint or its beginning.", metavar="FPR")]
_HEXADECIMAL = re.compile(r"[0-9A-Fa-f]+")
_MOST_BYTES = 1024**2
_PAIRS = 9
_INVITED = frozenset({"passkey", "openid"})


class _KeyAct(Act, right=AccessRight.ENROL):
    """An act on the keys of one provider or member of staff, for administrators."""

    id: str = argument("The provider; with --staff, the person.", metavar="ID", personal=True, form=OWNER)

    def owner_kind(self, session: Session) -> OwnerKind:
        """Return the kind of the key's owner: "provider" or "staff". NotFoundError for an unknown owner."""
        return owner_kind_of(session, self.id, is_staff=bool(getattr(self, "staff", False)))

    def key(self, session: Session, fingerprint: str) -> Key:
        """Return the owner's key with this fingerprint or beginning. NotFoundError for no key or several."""
        return keys.find_key(session, self.owner_kind(session), self.id, fingerprint)


class AddKey(_KeyAct, command="keys add"):
    """Enrol a key, or update a known certificate; show the fingerprint to read out by telephone.

    A new key counts after `gateway keys confirm`. With two administrators, another person confirms the key.
    """

    file: GivenFile = argument("An SSH public key, an OpenPGP certificate, or both.", metavar="FILE")
    staff: OfStaff = False

    def carry_out(self, context: ActContext) -> ActDone:
        """Store each new key as pending, or update a certificate on record; return the fingerprints."""
        data, said = self.file.content, []
        if len(data) > _MOST_BYTES:
            raise Refusal("key:too-large")
        # A provider's kit makes a file with two keys.
        ssh, block, certificate = data.partition(b"-----BEGIN PGP PUBLIC KEY BLOCK")
        given = [ssh, block + certificate] if ssh.strip() and block else [data]
        for data in given:
            said += [f"{label:>14}  {value}" for label, value in described(data, context.clock())]
        with _changing(context) as clerk:
            owner_kind = self.owner_kind(clerk.session)
            taken = [_taken_in(context, clerk, owner_kind, self.id, data) for data in given]
        return ActDone("\n".join([*said, *dict.fromkeys(taken)]))


class ConfirmKeys(_KeyAct, command="keys confirm"):
    """Put new keys in force: the owner read the fingerprints out by telephone.

    The confirmation is recorded in your name. Give the six words of a provider's kit, or the fingerprints as
    read out, whole or at least 16 characters of each. Every new key waits for confirmation; a new passkey
    can log in and read before that. With two administrators, another person than the enroller confirms a
    key, and another than the inviter the passkey of a person with a powerful role or sight of held files.
    """

    read_out: tuple[str, ...] = argument(
        "The six words, or the fingerprints, as they were read out.", metavar="FPR|WORD...", min_length=1
    )
    staff: OfStaff = False

    def carry_out(self, context: ActContext) -> ActDone:
        """Put each key read out in force. GatewayError for a key to be confirmed by somebody else."""
        with _changing(context) as clerk:
            owner_kind = self.owner_kind(clerk.session)
            named = self._named(clerk, owner_kind)
            several = len(roles.administrators(clerk.session)) >= 2  # noqa: PLR2004 - else nobody is to ask
            for key in named:  # A key proposed for revocation needs another person.
                for act in ("revoke-hard", "revoke-soft"):
                    two = TwoPersonAct(act, key.fingerprint)
                    reject(clerk.session, two, by=context.person, at=clerk.at)
                if several and (last := keys.suspension(clerk.session, key)) is not None:
                    said = f"{last.actor} suspended {key.fingerprint}: somebody else must confirm it"
                    by, since = context.person, last.at
                    check_two(clerk.session, last.actor or "", by, since=since, at=clerk.at, said=said)
                is_new = several and key.unconfirmed and key.dropped_as is None
                if is_new and (
                    key.kind not in _INVITED
                    or takes_two(clerk.session, self.id, context.catalogue.looking_teams())
                ):
                    said = f"{key.added_by} enrolled {key.fingerprint}: somebody else must confirm it"
                    by, since = context.person, key.added_at
                    check_two(clerk.session, key.added_by, by, since=since, at=clerk.at, said=said)
            for key in named:
                new = bool(key.unconfirmed) and key.dropped_as is None
                clerk.approve(key, alone=new and not are_named_two(key.added_by, context.person))
                if new and key.owner_kind == "staff":
                    mark = key.fingerprint
                    givings.note(clerk.session, key.owner, "key", mark, by=context.person, at=clerk.at)
        return ActDone("\n".join(f"{key.fingerprint} is in force" for key in named))

    def _named(self, clerk: Clerk, owner_kind: OwnerKind) -> list[Key]:
        """Return the keys read out, as six words or as fingerprints. GatewayError if one fits no key."""
        if owner_kind == "provider" and are_words(self.read_out):
            return _named_by_words(clerk, self.id, self.read_out)
        found = []
        for one in ("".join(each.split()) for each in self.read_out):
            check_read_out(one)
            # People leave out the name of the digest, with which fingerprints of SSH keys are on record.
            whole = one if one.startswith("SHA256:") or _HEXADECIMAL.fullmatch(one) else f"SHA256:{one}"
            try:
                found.append(keys.find_key(clerk.session, owner_kind, self.id, whole))
            except NotFoundError:
                raise GatewayError(
                    f"what was read out does not match a key of {self.id}: have it read out once more, and "
                    "confirm nothing else; where it still does not, somebody else may have given the key "
                    "that waits, and it is to be revoked: gateway keys revoke"
                ) from None
        return found


class RetireKey(_KeyAct, command="keys retire"):
    """Retire a key no longer needed, now or after a last day.

    `gateway keys restore` undoes the retirement, until the owner has used another key.
    """

    fingerprint: _Fingerprint
    until: MomentAfter | None = option(
        "The last day on which it counts, or a moment with its zone; now if not given.", None
    )
    why: Why | None = option("Why: for the record, without any pupil's data.", None)
    staff: OfStaff = False

    def carry_out(self, context: ActContext) -> ActDone:
        """Retire the key at once or after its last day. GatewayError if the last day is past."""
        with _changing(context) as clerk:
            ended = clerk.retire(self.key(clerk.session, self.fingerprint), self._last(context), why=self.why)
            others = keys.list_keys(clerk.session, ended.owner_kind, ended.owner)
            is_last = not any(
                one.kind == ended.kind and one.fingerprint != ended.fingerprint and one.is_in_force(clerk.at)
                for one in others
            )
        until = f" until {ended.not_after:%Y-%m-%d %H:%M} UTC" if ended.state == "retiring" else ""
        said = f"{ended.fingerprint} is {ended.state}{until}"
        if not is_last:
            return ActDone(said)
        then, staff = "then " * (ended.state == "retiring"), " --staff" * self.staff
        return ActDone(
            f"{said}\nit is the last {ended.noun} of {ended.owner}, who {then}cannot {ended.use}; to take it "
            f"back: gateway keys restore {ended.owner} {ended.fingerprint}{staff} --why …"
        )

    def _last(self, context: ActContext) -> datetime | None:
        if self.until is None:
            return None
        zone = ZoneInfo(context.catalogue.calendar.timezone)
        last = self.until if self.until.tzinfo else self.until.replace(tzinfo=zone)
        if last <= context.clock():
            raise GatewayError("the last day is past; to end a key now, leave --until out")
        return last


class RestoreKey(_KeyAct, command="keys restore"):
    """Restore a retired key, as long as the owner has used no other key since."""

    fingerprint: _Fingerprint
    why: Why
    staff: OfStaff = False

    def carry_out(self, context: ActContext) -> ActDone:
        """Put the key in force again; a key never confirmed has to be confirmed first.
        With two administrators, a second person must agree to restore a key of a member of staff who has a
        powerful role or may see held files.
        """
        with _changing(context) as clerk:
            key = self.key(clerk.session, self.fingerprint)
            # Two people decide for persons with powerful roles or sight of held files.
            act = TwoPersonAct("restore-key", "staff", f"{self.id} {key.fingerprint}")
            if self.staff and not agreed_to_give(
                clerk.session, act, self.id, looking=context.catalogue.looking_teams(), by=context.person,
                why=None, at=clerk.at,
            ):  # fmt: skip
                return ActDone(WAITS_FOR_SECOND_PERSON)
            restored = clerk.restore(key, why=self.why)
        again = "waits to be confirmed" if restored.state == "pending" else "is in force again"
        return ActDone(f"{restored.fingerprint} {again}")


class RevokeKey(_KeyAct, command="keys revoke"):
    """Revoke a compromised or replaced key at once, or refuse a pending one.

    What a compromised key has signed counts no more, nor do unused links and open sessions in the console of
    a member of staff. With roles in force, two people give the same command; the key counts no more once the
    first has given it.
    """

    fingerprint: _Fingerprint
    why: Why = option("Why: for the record, without any pupil's data.", also="--reason")
    superseded: bool = option(
        "It was replaced, and is in nobody's wrong hands: what it signed before waits for a person.",
        default=False,
    )
    staff: OfStaff = False

    def carry_out(self, context: ActContext) -> ActDone:
        """Revoke the key. With roles in force, suspend the key until a second person revokes the key as well.
        A new key, still waiting for confirmation, is revoked by one person.
        """
        revocation: Revocation = "soft" if self.superseded else "hard"
        with _changing(context) as clerk:
            key = self.key(clerk.session, self.fingerprint)
            act = TwoPersonAct(f"revoke-{revocation}", key.fingerprint)
            was_in_use = keys.suspension(clerk.session, key) or proposal(clerk.session, act, clerk.at)
            is_new = key.state == "pending" and was_in_use is None
            if self.staff and not self.superseded and was_in_use is None:
                logins.withdraw_invitations(clerk.session, key.owner)  # It may be where the key was.
                logins.end_sessions(clerk.session, key.owner)  # Another key's may be open there.
            if is_new or agreed(clerk.session, act, by=context.person, why=self.why, at=clerk.at):
                ended = clerk.revoke(key, revocation, why=self.why)
            else:
                ended = clerk.suspend(key, why=self.why) if key.state in {"active", "retiring"} else key
        if ended.state == "revoked":
            return ActDone(f"{ended.fingerprint} is revoked")
        return ActDone(
            f"{ended.fingerprint} counts no more; a second person does the same, and it is revoked"
        )


@contextmanager
def _changing(context: ActContext) -> Iterator[Clerk]:
    """Yield a clerk, which changes keys in one transaction; then sign the log's head and publish the keys."""
    at = context.clock()
    with context.open_registrar() as registrar:
        with registrar.registry.write() as session:
            yield registrar.clerk(session, at, context.person)
            registrar.sign_head(session, at)
        if registrar.brings_out:
            publish_access(registrar.registry, registrar.home.published, at)
            reconsider(registrar)
            registrar.publish()


def _taken_in(context: ActContext, clerk: Clerk, owner_kind: OwnerKind, owner: str, data: bytes) -> str:
    """Enrol the key in `data`, a file's bytes, or update a certificate on record; return a sentence.
    Refusal if the key is unfit. GatewayError if the owner's certificate is retired, revoked or unchanged.
    """
    from gateway.openpgp.engines import VerifiedKinds  # noqa: PLC0415 - loads both engines

    methods = read_toml(context.home.policies_in_force / "methods.toml", MethodsFile)
    strength = methods.strength.rsa_bits, VerifiedKinds(load_settings(context.home).processor)
    is_certificate = owner_kind == "provider" and not is_ssh(data)
    of = describe(data, clerk.at).fingerprint if is_certificate else None
    known = keys.holder(clerk.session, "openpgp", of) if of else None
    if known is None or known.owner != owner:
        if owner_kind == "staff" and not is_ssh(data):
            raise Refusal("key:not-an-ssh-key")
        clerk.add(owner_kind, owner, judge(data, clerk.at, *strength), state="pending")
        said = RING_TO_CONFIRM_KEY.format(f"{owner} --staff" if owner_kind == "staff" else owner)
        return f"enrolled for {owner}; it waits to be confirmed\n{said}"
    update = updated(known.material.encode(), data, clerk.at, *strength)
    new, revocation = update or (None, None)
    if revocation is not None and known.may_be_revoked(revocation):
        clerk.revoke(known, revocation, new=new)
        return f"{owner} has revoked this certificate; it no longer counts"
    if known.state in {"retired", "revoked"}:
        raise GatewayError(f"{owner} has this certificate already, and it is {known.state}")
    if new is None:
        raise GatewayError(f"{owner} has this certificate already, and nothing in the file is new")
    clerk.renew(known, new)
    return f"what is new in this certificate of {owner} is taken over"


def _named_by_words(clerk: Clerk, owner: str, heard: Sequence[str]) -> list[Key]:
    """Return the pending SSH key and OpenPGP key of an owner that match six words read out.
    GatewayError if no pair of keys matches; the message names the first wrong word for the newest pair.
    """
    waiting = [key for key in keys.list_keys(clerk.session, "provider", owner) if key.state == "pending"]
    waiting.sort(key=lambda key: key.added_at, reverse=True)
    pairs = [
        (ssh, openpgp)
        for ssh in waiting if ssh.kind == "ssh"
        for openpgp in waiting if openpgp.kind == "openpgp"
    ]  # fmt: skip
    wrong = GatewayError(f"words are for an SSH and an OpenPGP key that wait, as {owner}.keys holds them")
    for ssh, openpgp in reversed(pairs[:_PAIRS]):
        ours = keys_words(clerk.signing.fingerprint, owner, ssh.fingerprint, openpgp.fingerprint)
        try:
            compare(heard, ours)
        except GatewayError as error:
            wrong = GatewayError(f"{error}: have the words read out again, and confirm nothing else")
        else:
            return [ssh, openpgp]
    raise wrong
