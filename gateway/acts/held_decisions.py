"""Acts by which a person decides on held files: release, return, refuse, ratify, assign and note."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime

from pydantic import field_validator
from sqlmodel import Session

from gateway.access import AccessRight, may_know
from gateway.acts.act import Act, ActContext, ActDone, Recording
from gateway.acts.agreement import RatifyAgreement, decide_ratified
from gateway.acts.fields import FileReference, OneLine, Reference, Why, argument, option
from gateway.acts.transfers import file_in_words, proposal_in_words
from gateway.errors import GatewayError
from gateway.log.leaf import Kind
from gateway.model import Classified, Decision, Reason, Refused, Released, Transfer, counted
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import reference_period
from gateway.policy.decide import Release, judge_release
from gateway.policy.items import counts_teams
from gateway.policy.timescale import period_on
from gateway.reasons import RETURNED, UNKNOWN_LOGIN, WITHDRAWN, for_officers, to_officer
from gateway.record.conclude import distrust
from gateway.record.consequences import Ruling
from gateway.record.dual_control import Proposal, check_release, check_second, name_of, proposed
from gateway.record.registrar import Rulebook
from gateway.record.rulings import Batch, put_in_force, put_on_record
from gateway.registry import providers, roles, rolls, staff, transfers
from gateway.registry.log import Entry
from gateway.registry.sight import sees

_ADVICE_LENGTH = 400
_OPTION = re.compile(": --[a-z]+$")
_NOBODY: dict[Kind, str] = {
    "release-proposed": "nobody has proposed to release {} against the policy",
    "redelivery-proposed": "nobody has proposed to give {} to a team against the agreement",
}


class _HeldFileAct(Act, right=AccessRight.DECIDE):
    """An act on one held file, for people with the right to decide."""

    reference: FileReference

    def effect(self, context: ActContext) -> str:
        """Return a sentence with the file's school, the kind of data, and the reasons for the hold."""
        with context.reading() as session:
            waits = for_officers(transfers.get(session, self.reference).reasons)
        return f"{file_in_words(context, self.reference)} It waits: {waits}."


class ReleaseHeldFile(_HeldFileAct, command="held release"):
    """Release a held file, in your name, as far as the agreement allows.

    A file held because of a key cannot be released by the person who enrolled the key.
    """

    why: Why
    as_: str | None = option("What the file is, where nobody knew.", None, metavar="DATA_TYPE", names="kind")
    team: tuple[str, ...] = option(
        "Teams that get it; else those of its flow that may have it.", (), names="team"
    )
    on: date | None = option("A day of the period that it is about, where it says none.", None)
    override: bool = option(
        "Propose it to a second person, where the agreement speaks against it.", default=False
    )

    def effect(self, context: ActContext) -> str:
        """Return sentences on the teams to which the file would go, and on the agreement's objections.
        GatewayError if nobody may release the file.
        """
        rules = Rulebook(context.home, context.catalogue)
        with context.reading() as session:
            transfer, now = held(session, self.reference), context.clock()
            asked = self.wished(rules, session, transfer, now)
            said = release_in_words(rules, session, transfer, asked, now, counted=not self.team)
        second = " A second person decides." if asked.forbidden else ""
        return f"{super().effect(context)} {said}{second}"

    def carry_out(self, context: ActContext) -> ActDone:
        """Release the file. If the agreement forbids the release, and `override` is set, propose it to a
        second person. GatewayError if the agreement forbids the release and `override` is not set, or if
        nobody may release the file.
        """
        with context.recording() as record:
            asked = self.decide(record)
            given = transfers.get(record.session, self.reference).teams
        if asked.forbidden:
            return ActDone(
                f"{self.reference} waits for a second person: gateway held confirm {self.reference} --why …"
            )
        teams = record.registrar.catalogue.wording.list_names(given)
        return ActDone(f"{self.reference} is released to {teams}")

    def decide(self, record: Recording) -> Release:
        """Release or propose in the transaction of a caller; return the release as judged."""
        transfer = held(record.session, self.reference)
        asked = self.wished(record.registrar, record.session, transfer, record.at)
        if asked.forbidden and self.on is not None:
            raise GatewayError("a release that needs a second person takes no day: leave it out")
        if asked.forbidden:
            propose(record, "release-proposed", self.reference, asked, self.why, data_type=asked.data_type)
        else:
            check_release(record.session, transfer, record.by, record.at)
            _release(record, transfer, asked, self.why, on=self.on, counted=not self.team)
        return asked

    def wished(self, rulebook: Rulebook, session: Session, transfer: Transfer, now: datetime) -> Release:
        """Return the wanted release, as judged. GatewayError if the agreement forbids it and `override` is
        not set.
        """
        if self.as_ is None and not isinstance(transfer.content, Classified | None):
            raise GatewayError(f"{self.reference}: nobody has said yet what the file is; say its kind: --as")
        asked = judged(rulebook, session, transfer, now, data_type=self.as_, teams=self.team)
        check_allowed(self.reference, asked, "release", override=self.override)
        return asked


class _ProposedRelease(_HeldFileAct):
    """An act on a proposed release of a held file against the agreement."""

    why: Why

    def effect(self, context: ActContext) -> str:
        """Return a sentence with file, proposer, teams and reason. GatewayError if no release is proposed."""
        with context.reading() as session:
            first = proposal(session, self.reference)
        return f"{super().effect(context)} {proposal_in_words(first, context.catalogue.wording)}"


class ConfirmRelease(_ProposedRelease, command="held confirm"):
    """Confirm, as a second person, a release against the agreement."""

    def carry_out(self, context: ActContext) -> ActDone:
        """Release the held file as the first person proposed.
        GatewayError if no release is proposed, or if the person may not confirm it (`check_second`).
        """
        reference, by = self.reference, context.person
        with context.recording() as record:
            session, now = record.session, record.at
            transfer, first = held(session, reference), proposal(session, reference)
            said = f"{first.by} proposed to release {reference}: somebody else must confirm it, by name"
            asked = judged(
                record.registrar, session, transfer, now, data_type=first.data_type, teams=first.teams
            )
            check_second(session, first, by, asked.forbidden, self.right, at=now, said=said)
            check_release(session, transfer, by, now)
            why = f"{self.why} (proposed by {first.by}: {first.why})"
            _release(record, transfer, asked, why, counted=False)
        teams = record.registrar.catalogue.wording.list_names(asked.teams)
        return ActDone(f"{reference} is released to {teams}")


class DeclineRelease(_ProposedRelease, command="held decline"):
    """Say no to a release against the agreement that somebody proposed. The file goes on waiting."""

    def carry_out(self, context: ActContext) -> ActDone:
        """Record that the proposal of a release is declined; the file stays held."""
        with context.recording() as record:
            held(record.session, self.reference)
            asked = proposal(record.session, self.reference)
            record.note("release-declined", self.reference, note=self.why)
        return ActDone(f"{self.reference} goes on waiting: {asked.by} proposed its release in vain")


class AssignHeldFile(_HeldFileAct, command="held assign", asks_passkey=False):
    """Say who decides on a held file: you, or a colleague with the right. Others may still decide."""

    to: OneLine | None = option(
        "The colleague, by name; you, if not given.", None, metavar="NAME", max_length=100
    )
    text: Why | None = option("What to know of the file; name no child.", None)

    def carry_out(self, context: ActContext) -> ActDone:
        """Record who decides on the file: the colleague `to`, or the acting person if `to` is None."""
        with context.recording() as record:
            held(record.session, self.reference)
            name = self.to or name_of(record.by)
            if self.to and not roles.may(record.session, name, AccessRight.DECIDE):
                raise GatewayError(f"{name} has no role that decides on held files")
            if self.to and not roles.in_force(record.session):
                staff.get_staff(record.session, name)
            elif self.to:
                person = roles.viewer(record.session, name)
                looking = record.registrar.catalogue.looking_teams()
                if not sees(record.session, may_know(person, looking), self.reference):
                    raise GatewayError(
                        f"{name} may not know of {self.reference}: give it to somebody who may"
                    )
            if self.text:
                record.note("noted", self.reference, note=self.text)
            record.note("assigned", self.reference, note=name)
        return ActDone(f"{self.reference} is for {name} to decide")


class ReturnHeldFile(_HeldFileAct, command="held return"):
    """Return a held file to the sender, in your name, with advice on the receipt."""

    advice: str = option("What the sender should do instead; the receipt says it; name no child.")

    def carry_out(self, context: ActContext) -> ActDone:
        """Refuse the file, with the person's advice on the receipt."""
        with context.recording() as record:
            _send_back(record, self.reference, self.advice)
        return ActDone(f"{self.reference} is returned")


class _ManyHeldFiles(Act, right=AccessRight.DECIDE):
    """An act on several held files."""

    reference: tuple[Reference, ...] = argument(
        "The files, as their receipts name them.", metavar="REF...", min_length=1, max_length=50
    )

    @field_validator("reference")
    @classmethod
    def _each_once(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(given))

    def effect(self, context: ActContext) -> str:
        """Return a sentence with the number of files and the references."""
        del context
        return f"{counted(len(self.reference), 'file')}: {', '.join(self.reference)}."


class ReturnHeldFiles(_ManyHeldFiles, command="held return-many", short="Return"):
    """Return several held files to their senders, in your name, with the same advice."""

    advice: str = option("What the senders should do instead; the receipts say it; name no child.")

    def carry_out(self, context: ActContext) -> ActDone:
        """Refuse each file, with the person's advice on the receipts. If one of the files is not held, refuse
        none.
        """
        with context.recording() as record:
            for reference in self.reference:
                _send_back(record, reference, self.advice)
        return ActDone(f"{counted(len(self.reference), 'file')} returned")


class ReleaseHeldFiles(_ManyHeldFiles, command="held release-many", short="Release"):
    """Release several held files, in your name, each to the teams that the agreement names."""

    why: Why

    def effect(self, context: ActContext) -> str:
        """Return a sentence on the teams to which each file goes; files for the same teams share one."""
        rules, now = Rulebook(context.home, context.catalogue), context.clock()
        told: dict[str, list[str]] = {}
        with context.reading() as session:
            for reference in self.reference:
                transfer = held(session, reference)
                asked = ReleaseHeldFile(reference=reference, why=self.why).wished(
                    rules, session, transfer, now
                )
                said = release_in_words(rules, session, transfer, asked, now)
                told.setdefault(said, []).append(reference)
        return " ".join(
            f"{counted(len(some), 'file')}: {', '.join(some)}. {said}" for said, some in told.items()
        )

    def carry_out(self, context: ActContext) -> ActDone:
        """Release each file to the teams that the agreement names. If it forbids one of the releases, release
        none.
        """
        with context.recording() as record:
            for reference in self.reference:
                try:
                    ReleaseHeldFile(reference=reference, why=self.why).decide(record)
                except GatewayError as error:
                    said = _OPTION.sub(": decide on it by itself", str(error))
                    if said == str(error):
                        raise
                    raise GatewayError(said) from None  # That option is of the act on one file.
        return ActDone(f"{counted(len(self.reference), 'file')} released")


class RatifyForHeldFiles(_ManyHeldFiles, command="held ratify-many", right=AccessRight.ENROL, short="Ratify"):
    """Ratify for the schools of several held files, and release the files that wait for a ratification.

    Each school is put on record as having ratified the agreement, by the same signatory and on the same day.
    """

    signatory: OneLine = option("Who signed for each of the schools, such as: the Head.")
    on: date | None = option("The day it was signed; today if not given.", None)
    role: str | None = option("As what they signed, where the agreement wants several signatures.", None)

    @classmethod
    def known(cls, catalogue: Catalogue) -> Mapping[str, Mapping[str, str]]:
        """Return the roles of signatories, as for one school."""
        return RatifyAgreement.known(catalogue)

    def effect(self, context: ActContext) -> str:
        """Return a sentence with the schools to be ratified, the signatory and the files."""
        schools = " and ".join(f"{name} ({one})" for one, name in self._schools(context).items())
        return f"{schools}: ratified, signed by {self.signatory}. {super().effect(context)}"

    def carry_out(self, context: ActContext) -> ActDone:
        """Record each ratification, or none if one is impossible; the answer names files that still wait."""
        signed = {"signatory": self.signatory, "on": self.on, "role": self.role}
        with context.recording() as record:
            told = [
                RatifyAgreement.model_validate({"provider": one, **signed}).sign(record)
                for one in self._schools(context)
            ]
        told += decide_ratified(context)
        with context.reading() as session:
            found = [transfers.get(session, one) for one in self.reference]
        told += [
            f"{one.upload.reference} goes on waiting: {for_officers(one.reasons)}"
            for one in found
            if one.state == "held"
        ]
        return ActDone("\n".join(told))

    def _schools(self, context: ActContext) -> dict[str, str]:
        """Return the files' schools, names by id. GatewayError for a file that waits for no ratification."""
        with context.reading() as session:
            names, schools = providers.names(session), []
            for reference in self.reference:
                transfer = transfers.get(session, reference)
                if transfer.waits_for != "ratification":
                    raise GatewayError(f"{reference} waits for no ratification")
                schools.append(transfer.upload.provider)
        return {one: names[one] for one in schools}


class RefuseHeldFile(_HeldFileAct, command="held refuse"):
    """Refuse a held file for good, in your name."""

    why: Why

    def carry_out(self, context: ActContext) -> ActDone:
        """Refuse the file finally, with the person's reason."""
        with context.recording() as record:
            _refuse(record, self.reference, "person:refused", self.why)
        return ActDone(f"{self.reference} is refused")


class NoteHeldFile(_HeldFileAct, command="held note", asks_passkey=False, by_program=True):
    """Put a note on a held file, for the next person to decide. No sender reads the note."""

    text: Why = argument("What to know of the file; name no child.", metavar="TEXT")

    def carry_out(self, context: ActContext) -> ActDone:
        """Add the person's note to the log entries of the file."""
        with context.recording() as record:
            held(record.session, self.reference)
            record.note("noted", self.reference, note=self.text)
        return ActDone(f"noted on {self.reference}")


def release_in_words(
    rulebook: Rulebook, session: Session, transfer: Transfer, asked: Release, now: datetime, *,
    counted: bool = True,
) -> str:  # fmt: skip
    """Return a sentence on the teams to which a release sends a file, and on the agreement's objections.
    `counted`: True if teams without pupil records get counts; False if a person named the teams.
    """
    catalogue, content = rulebook.catalogue, transfer.content
    flow = catalogue.flow_of(asked.data_type)
    kind = flow.of(asked.data_type).name if flow is not None else None
    against = "; ".join(map(to_officer, asked.forbidden))
    said = f" The agreement speaks against it: {against}." if against else ""
    counts = tuple(one for one in asked.teams if catalogue.has_counts_alone(one, asked.data_type))
    if counted and not asked.forbidden:
        sender = rulebook.provider(session, transfer.upload.provider, now)
        known = rolls.count_on_rolls(session, [sender.id])[sender.id]
        decision = released(catalogue, asked, "person:released")
        counts += counts_teams(content, asked.data_type, decision, sender, catalogue, known=known)
    names = catalogue.wording.list_names
    teams = names(tuple(one for one in asked.teams if one not in counts))
    if counts:
        some = names(tuple(dict.fromkeys(counts)))
        teams = f"{teams}, and in counts alone to {some}" if teams else f"{some}, in counts alone"
    return f"Released as {kind or asked.data_type}, it goes to {teams}.{said}"


def held(session: Session, reference: str) -> Transfer:
    """Return a held transfer on which a person may decide. GatewayError for a transfer that is not held."""
    transfer = transfers.get(session, reference)
    if transfer.state != "held":
        raise GatewayError(f"{reference} is not held; it is {transfer.state}")
    if any(why.code in WITHDRAWN for why in transfer.reasons):
        raise GatewayError(
            f"{reference} was withdrawn: gateway transfers confirm or gateway transfers redeliver decides"
        )
    if transfer.waits_for == "approval":
        raise GatewayError(
            f"{reference} is a key that was dropped: gateway keys confirm or gateway keys revoke decides"
        )
    return transfer


def proposal(session: Session, reference: str, kind: Kind = "release-proposed") -> Proposal:
    """Return the open proposal of a kind about a file. GatewayError if no proposal is open."""
    if (first := proposed(session, reference, kind)) is None:
        raise GatewayError(_NOBODY[kind].format(reference))
    return first


def rule(
    record: Recording, reference: str, decision: Decision, kind: Kind, why: str, *,
    held_for: tuple[Reason, ...] = (), counted: bool = True, roll: bytes | None = None,
) -> None:  # fmt: skip
    """Put a person's decision on a file in force; `kind` is the kind of the log entry.
    - `held_for`: the reasons why the file was held. `roll`: the packed roll of the file, if any.
    - `counted`: True if teams without pupil records get counts; False if a person named the teams.
    """
    ruling = Ruling(
        reference=reference, decision=decision, kind=kind, actor=record.by, note=why,
        held_for=held_for, counted=counted, roll=roll,
    )  # fmt: skip
    record.issued = put_in_force(record.registrar, Batch(record.session), [ruling], record.at)


def check_allowed(reference: str, asked: Release, what: str, *, override: bool) -> None:
    """Raise GatewayError if the agreement forbids a release, unless the person proposes one (`override`).
    `what`: the word for the release in the error, such as "delivery".
    """
    if asked.forbidden and not override:
        said = "; ".join(f"{to_officer(why)} ({why.clause})" for why in asked.forbidden)
        raise GatewayError(
            f"{reference}: the agreement speaks against this {what}: {said}. "
            "It can be proposed to a second person instead: --override"
        )


def propose(record: Recording, kind: Kind, reference: str, asked: Release, why: str, **more: str) -> None:
    """Record a proposal to release or deliver a file against the agreement, for a second person to decide.
    `kind`: the kind of the log entry. `asked`: the release proposed. `more`: further fields of the entry.
    GatewayError while another proposal is open: who has read one could confirm the other.
    """
    if (first := proposed(record.session, reference, kind)) is not None:
        noun, how = ("held", "") if kind == "release-proposed" else ("transfers", " --delivery")
        raise GatewayError(
            f"what {first.by} proposed waits for a second person: gateway {noun} confirm {reference}{how} "
            f"--why …; or, before another is proposed: gateway {noun} decline {reference} --why …"
        )
    codes = ",".join(dict.fromkeys(each.code for each in asked.forbidden))
    fields = {**more, "teams": ",".join(asked.teams), "reasons": codes}
    entry = Entry(kind=kind, subject=reference, fields=fields, actor=record.by, note=why)
    record.issued = put_on_record(record.registrar, record.session, [entry], (), record.at)


def judged(
    rulebook: Rulebook, session: Session, transfer: Transfer, now: datetime, *,
    data_type: str | None = None, teams: tuple[str, ...] = (),
) -> Release:  # fmt: skip
    """Return how the agreement judges the release of a held file: for which teams, with which objections.
    `data_type` and `teams` default to the recognised type and to the teams entitled by the flow. GatewayError
    for a file never opened, a file last judged by earlier rules, or a file that nobody may release.
    """
    if transfer.content is None:
        raise GatewayError(
            f"{transfer.upload.reference} was never opened, so there is nothing to send on; refuse it instead"
        )
    if transfer.rules != rulebook.catalogue.rules:
        raise GatewayError(
            f"other rules are in force since {transfer.upload.reference} was held: the processor judges it "
            "anew, within minutes. Look at its reasons then"
        )
    sender = rulebook.provider(session, transfer.upload.provider, now)
    asked = judge_release(
        transfer.content, transfer.reasons, rulebook.catalogue, sender, now, data_type=data_type, teams=teams
    )
    # Of a file that waits for its key to be approved, `check_release` judges who releases it.
    told = {one.code for one in transfer.reasons if transfer.waits_for == "key"} - {UNKNOWN_LOGIN}
    objections = (why for why in distrust(session, transfer, rulebook.catalogue, now) if why.code not in told)
    return replace(asked, forbidden=tuple(dict.fromkeys((*objections, *asked.forbidden))))


def released(catalogue: Catalogue, asked: Release, code: str, period: str | None = None) -> Released:
    """Return the decision that carries out a judged release (`asked`), for a `period`.
    The reason is `code`, or "person:released-against-policy" if the agreement forbids the release.
    """
    code = "person:released-against-policy" if asked.forbidden else code
    return Released(
        data_type=asked.data_type, period=period, flow=asked.flow, teams=asked.teams,
        reasons=(catalogue.reason(code), *asked.forbidden), on_roll=asked.on_roll,
    )  # fmt: skip


def _release(
    record: Recording, transfer: Transfer, asked: Release, why: str, *, counted: bool, on: date | None = None
) -> None:
    """Release a held file to the teams in `asked`, for the period around the day `on` or else in the file."""
    registrar, upload, content, period = record.registrar, transfer.upload, transfer.content, None
    catalogue = registrar.catalogue
    if on is not None:
        provider = registrar.provider(record.session, upload.provider, record.at)
        found = period_on(provider, asked.data_type, catalogue, on)
        if found is None:
            raise GatewayError(f"{asked.data_type} is due at no set time around {on}: leave that day out")
        period = found.name
    elif isinstance(content, Classified):
        period = reference_period(replace(content, data_type=asked.data_type), catalogue, upload.landed_at)
    decision = released(catalogue, asked, "person:released", period)
    rule(record, upload.reference, decision, "released", why, held_for=transfer.reasons, counted=counted)


def _send_back(record: Recording, reference: str, advice: str) -> None:
    """Refuse a held file, with `advice` to the sender on the receipt. GatewayError if the advice is unfit for
    a receipt.
    """
    told = " ".join(advice.split())
    if not told or len(told) > _ADVICE_LENGTH or not told.isprintable():
        raise GatewayError(f"advice is one to {_ADVICE_LENGTH} characters, and names no child")
    _refuse(record, reference, RETURNED, told, advice=told)


def _refuse(record: Recording, reference: str, code: str, why: str, **detail: str) -> None:
    transfer = held(record.session, reference)
    reasons = (record.registrar.catalogue.reason(code, **detail),)
    rule(record, reference, Refused(reasons=reasons, flow=transfer.flow), "refused", why)
