"""Decisions on held files: released, returned, refused, assigned and noted, each in a person's name."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING, ClassVar

from gateway.access import AccessRight
from gateway.acts.act import Act, ActContext, ActDone, Area, OneLine, Reference, Why, argument, option
from gateway.acts.agreement import RatifyAgreement
from gateway.acts.transfers import file_in_words
from gateway.errors import GatewayError
from gateway.model import Classified, Refused, Released, Transfer, counted
from gateway.policy.reference import reference_period
from gateway.policy.release import judge_release
from gateway.policy.timescale import period_on
from gateway.reasons import RETURNED, WITHDRAWN, for_officers, to_officer
from gateway.record.dual_control import Proposal, check_release, check_two, name_of, proposed
from gateway.record.outcome import put_on_record
from gateway.record.registrar import KeylessRules, Registrar
from gateway.record.rulings import Batch, Ruling, put_in_force
from gateway.registry import providers, roles, staff, transfers
from gateway.registry.log import Entry
from gateway.registry.transfer_lists import PROPOSAL_ENDS

if TYPE_CHECKING:
    from sqlmodel import Session

    from gateway.policy.catalogue import Catalogue
    from gateway.policy.release import Release
    from gateway.publish.projection import Issued
    from gateway.record.registrar import Rulebook

AREA = Area.FILES
_ADVICE_LENGTH = 400


class _HeldFileAct(Act, right=AccessRight.DECIDE):
    """An act on one held file, for people with the right to decide."""

    reference: Reference = argument("The file, as its receipt names it.", metavar="REF")

    def check(self, context: ActContext) -> None:
        """Raise GatewayError unless the file waits for a person's decision."""
        with context.reading() as session:
            held(session, self.reference)

    def effect(self, context: ActContext) -> str:
        """Return a sentence with the file's school and kind, and the reasons for the hold."""
        with context.reading() as session:
            waits = for_officers(transfers.get(session, self.reference).reasons)
        return f"{file_in_words(context, self.reference)} It waits: {waits}."


class _ProposedRelease(_HeldFileAct):
    """An act on a held file whose release a person has proposed."""

    why: Why

    def effect(self, context: ActContext) -> str:
        """Return a sentence with the proposer, reason and teams of the release. GatewayError without one."""
        with context.reading() as session:
            first = _proposed(session, self.reference)
        wording = context.catalogue.wording
        teams, kind = wording.list_names(first.teams), wording.name(first.data_type)
        return (
            f"{super().effect(context)} {first.by} proposed to release it as {kind} to {teams}: {first.why}"
        )


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
        """Return the teams to get the file, and the agreement's objections, in words.

        GatewayError where nobody may release the file.
        """
        rules = KeylessRules(context.home, context.catalogue)
        with context.reading() as session:
            asked = self._wished(rules, session, held(session, self.reference), context.clock())
        said = release_in_words(asked, rules.catalogue)
        second = " A second person decides." if asked.forbidden else ""
        return f"{super().effect(context)} {said}{second}"

    def carry_out(self, context: ActContext) -> ActDone:
        """Release the file, or propose the release to a second person."""
        with context.open_registrar() as registrar:
            asked = self.release(registrar, context.person)
        if asked.forbidden:
            return ActDone(
                f"{self.reference} waits for a second person: gateway held confirm {self.reference} --why …"
            )
        teams = registrar.catalogue.wording.list_names(asked.teams)
        return ActDone(f"{self.reference} is released to {teams}")

    def release(self, registrar: Registrar, by: str) -> Release:
        """Release the file in one person's name; with `override` propose the release to a second person.

        A result with anything `forbidden` is only proposed. GatewayError where the policy forbids the release
        without `override`, or where nobody can allow the release.
        """
        now = registrar.clock()
        with registrar.registry.write() as session:
            transfer = held(session, self.reference)
            asked = self._wished(registrar, session, transfer, now)
            if asked.forbidden and self.on is not None:
                raise GatewayError("a release that needs a second person takes no day: leave it out")
            if asked.forbidden:
                fields = {
                    "data_type": asked.data_type,
                    "teams": ",".join(asked.teams),
                    "reasons": ",".join(dict.fromkeys(each.code for each in asked.forbidden)),
                }
                entry = Entry(
                    kind="release-proposed", subject=self.reference, fields=fields, actor=by, note=self.why
                )
                head: Issued | None = put_on_record(registrar, session, [entry], (), now)
            else:
                check_release(session, transfer, by, now)
                period = _period(registrar, session, transfer, asked, self.on)
                released = _released(registrar, asked, period)
                ruling = Ruling(
                    reference=self.reference,
                    decision=released,
                    kind="released",
                    actor=by,
                    note=self.why,
                    held_for=transfer.reasons,
                    counted=not self.team,
                )
                head = put_in_force(registrar, Batch(session), [ruling], now)
        registrar.bring_out(head)
        return asked

    def _wished(self, rulebook: Rulebook, session: Session, transfer: Transfer, now: datetime) -> Release:
        asked = judged(rulebook, session, transfer, now, data_type=self.as_, teams=self.team)
        if asked.forbidden and not self.override:
            said = "; ".join(f"{to_officer(why)} ({why.clause})" for why in asked.forbidden)
            raise GatewayError(
                f"the agreement speaks against this release: {said}. "
                "It can be proposed to a second person instead"
            )
        return asked


class ConfirmRelease(_ProposedRelease, command="held confirm"):
    """Confirm, as a second person, a release against the agreement."""

    def carry_out(self, context: ActContext) -> ActDone:
        """Release the held file as the first person proposed.

        GatewayError where nothing is proposed, or where the proposer may be the same person.
        """
        reference, by = self.reference, context.person
        with context.open_registrar() as registrar:
            now = registrar.clock()
            with registrar.registry.write() as session:
                transfer, first = held(session, reference), _proposed(session, reference)
                said = f"{first.by} proposed to release {reference}: somebody else must confirm it, by name"
                check_two(session, first.by, by, since=first.at, at=now, said=said)
                check_release(session, transfer, by, now)
                asked = judged(
                    registrar, session, transfer, now, data_type=first.data_type, teams=first.teams
                )
                ruling = Ruling(
                    reference=reference,
                    decision=_released(registrar, asked, _period(registrar, session, transfer, asked, None)),
                    kind="released",
                    actor=by,
                    note=f"{self.why} (proposed by {first.by}: {first.why})",
                    held_for=transfer.reasons,
                    counted=False,
                )
                head = put_in_force(registrar, Batch(session), [ruling], now)
            registrar.bring_out(head)
        teams = registrar.catalogue.wording.list_names(asked.teams)
        return ActDone(f"{reference} is released to {teams}")


class DeclineRelease(_ProposedRelease, command="held decline"):
    """Say no to a release against the agreement that somebody proposed. The file goes on waiting."""

    def check(self, context: ActContext) -> None:
        """Raise GatewayError unless the file is held and a release is proposed."""
        super().check(context)
        with context.reading() as session:
            _proposed(session, self.reference)

    def carry_out(self, context: ActContext) -> ActDone:
        """End the proposal of a release."""
        with context.recording() as record:
            held(record.session, self.reference)
            asked = _proposed(record.session, self.reference)
            record.note("release-declined", self.reference, note=self.why)
        return ActDone(f"{self.reference} goes on waiting: {asked.by} proposed its release in vain")


class AssignHeldFile(_HeldFileAct, command="held assign"):
    """Say who decides on a held file: you, or a colleague who may. Everybody else still may, too."""

    asks_passkey: ClassVar = False

    to: OneLine | None = option(
        "The colleague, by name; you, if not given.", None, metavar="NAME", max_length=100
    )
    text: Why | None = option("What to know of the file; name no child.", None)

    def carry_out(self, context: ActContext) -> ActDone:
        """Record the person as the one to decide on the file, in place of any other."""
        with context.recording() as record:
            held(record.session, self.reference)
            name = self.to or name_of(record.by)
            if self.to and not roles.may(record.session, name, AccessRight.DECIDE):
                raise GatewayError(f"{name} has no role that decides on held files")
            if self.to and not roles.in_force(record.session):
                staff.get_staff(record.session, name)
            if self.text:
                record.note("noted", self.reference, note=self.text)
            record.note("assigned", self.reference, note=name)
        return ActDone(f"{self.reference} is for {name} to decide")


class ReturnHeldFile(_HeldFileAct, command="held return"):
    """Return a held file to the sender, in your name, with advice on the receipt."""

    advice: str = option("What the sender should do instead; the receipt says it; name no child.")

    def carry_out(self, context: ActContext) -> ActDone:
        """Refuse the file, with the person's advice on the receipt."""
        with context.open_registrar() as registrar:
            _send_back(registrar, self.reference, by=context.person, advice=self.advice)
        return ActDone(f"{self.reference} is returned")


class _ManyHeldFiles(Act, right=AccessRight.DECIDE):
    """An act on several held files, each of which is decided by itself."""

    done: ClassVar[str]

    reference: tuple[Reference, ...] = argument(
        "The files, as their receipts name them.", metavar="REF...", min_length=1, max_length=50
    )

    def effect(self, context: ActContext) -> str:
        """Return a sentence with the number of files and the references."""
        del context
        return f"{counted(len(self.reference), 'file')}: {', '.join(self.reference)}."

    def decide(self, registrar: Registrar, reference: str, by: str) -> None:
        """Decide on one of the files. GatewayError where the decision is not possible."""
        raise NotImplementedError

    def carry_out(self, context: ActContext) -> ActDone:
        """Decide on each file by itself; return a sentence on the files decided and the faults."""
        with context.open_registrar() as registrar:
            for reference in self.reference:
                self.decide(registrar, reference, context.person)
        return ActDone(f"{counted(len(self.reference), 'file')} {self.done}")


class ReturnHeldFiles(_ManyHeldFiles, command="held return-many"):
    """Return several held files to their senders, in your name, with the same advice."""

    short: ClassVar = "Return"
    done: ClassVar = "returned"

    advice: str = option("What the senders should do instead; the receipts say it; name no child.")

    def decide(self, registrar: Registrar, reference: str, by: str) -> None:
        """Refuse the file, with the person's advice on the receipt."""
        _send_back(registrar, reference, by=by, advice=self.advice)


class ReleaseHeldFiles(_ManyHeldFiles, command="held release-many"):
    """Release several held files, in your name, each to the teams that the agreement names."""

    short: ClassVar = "Release"
    done: ClassVar = "released"

    why: Why

    def decide(self, registrar: Registrar, reference: str, by: str) -> None:
        """Release the file."""
        ReleaseHeldFile(reference=reference, why=self.why).release(registrar, by)


class RatifyForHeldFiles(_ManyHeldFiles, command="held ratify-many", right=AccessRight.ENROL):
    """Ratify for the schools of several held files, and release what waits for that.

    Each school is put on record as having ratified the agreement, by the same signatory and on the same day.
    """

    short: ClassVar = "Ratify"

    signatory: OneLine = option("Who signed for each of the schools, such as: the Head.")
    on: date | None = option("The day it was signed; today if not given.", None)
    role: str | None = option("As what they signed, where the agreement wants several signatures.", None)

    def check(self, context: ActContext) -> None:
        """Raise GatewayError unless every file waits for a ratification."""
        self._schools(context)

    def effect(self, context: ActContext) -> str:
        """Return a sentence with the schools, the signatory and the files."""
        schools = " and ".join(f"{name} ({one})" for one, name in self._schools(context).items())
        return f"{schools}: ratified, signed by {self.signatory}. {super().effect(context)}"

    def carry_out(self, context: ActContext) -> ActDone:
        """Record each ratification and decide files again; return a sentence on those still waiting."""
        told = [
            RatifyAgreement(provider=one, signatory=self.signatory, on=self.on, role=self.role)
            .carry_out(context)
            .sentence
            for one in self._schools(context)
        ]
        with context.reading() as session:
            found = [transfers.get(session, one) for one in self.reference]
        told += [
            f"{one.upload.reference} goes on waiting: {for_officers(one.reasons)}"
            for one in found
            if one.state == "held"
        ]
        return ActDone("\n".join(told))

    def _schools(self, context: ActContext) -> dict[str, str]:
        """Return the names of the files' schools by id. GatewayError if a file waits for something else."""
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
        """Refuse the file for good, with the person's reason."""
        with context.open_registrar() as registrar:
            _refuse(registrar, self.reference, "person:refused", by=context.person, why=self.why)
        return ActDone(f"{self.reference} is refused")


class NoteHeldFile(_HeldFileAct, command="held note"):
    """Put a note on a held file, for the next person to decide. No sender reads the note."""

    asks_passkey: ClassVar = False
    by_program: ClassVar = True

    text: Why = argument("What to know of the file; name no child.", metavar="TEXT")

    def carry_out(self, context: ActContext) -> ActDone:
        """Append the note to the log, under the file."""
        with context.recording() as record:
            held(record.session, self.reference)
            record.note("noted", self.reference, note=self.text)
        return ActDone(f"noted on {self.reference}")


def release_in_words(asked: Release, catalogue: Catalogue) -> str:
    """Return a sentence with the teams to get a released file, and the agreement's objections."""
    flow = catalogue.flow_of(asked.data_type)
    kind = flow.of(asked.data_type).name if flow is not None else None
    against = "; ".join(map(to_officer, asked.forbidden))
    said = f" The agreement speaks against it: {against}." if against else ""
    teams = catalogue.wording.list_names(asked.teams)
    return f"Released as {kind or asked.data_type}, it goes to {teams}.{said}"


def held(session: Session, reference: str) -> Transfer:
    """Return a held transfer on which a person may decide. GatewayError in any other state."""
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


def proposal(session: Session, reference: str) -> Proposal | None:
    """Return the open proposal to release a held file; None if declined, decided or never made."""
    return proposed(session, reference, "release-proposed", PROPOSAL_ENDS)


def _proposed(session: Session, reference: str) -> Proposal:
    first = proposal(session, reference)
    if first is None:
        raise GatewayError(f"nobody has proposed to release {reference} against the policy")
    return first


def judged(
    rulebook: Rulebook, session: Session, transfer: Transfer, now: datetime, *,
    data_type: str | None = None, teams: tuple[str, ...] = (),
) -> Release:  # fmt: skip
    """Judge the release of a held file, as recognised or as the given `data_type`, to `teams` if given.

    GatewayError for a file never opened, judged by earlier rules, or not to be released by anybody.
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
    return judge_release(
        transfer.content, transfer.reasons, rulebook.catalogue, sender, now, data_type=data_type, teams=teams
    )


def _period(
    registrar: Registrar, session: Session, transfer: Transfer, asked: Release, about: date | None
) -> str | None:
    """Return the period of a released file: by the day `about` a person names, or as stated in the file."""
    catalogue, upload = registrar.catalogue, transfer.upload
    if about is None:
        content = transfer.content
        if not isinstance(content, Classified):
            return None
        return reference_period(replace(content, data_type=asked.data_type), catalogue, upload.landed_at)
    provider = registrar.provider(session, upload.provider, registrar.clock())
    period = period_on(provider, asked.data_type, catalogue, about)
    if period is None:
        raise GatewayError(f"{asked.data_type} is due at no set time around {about}: leave that day out")
    return period.name


def _released(registrar: Registrar, asked: Release, period: str | None) -> Released:
    code = "person:released-against-policy" if asked.forbidden else "person:released"
    return Released(
        data_type=asked.data_type,
        period=period,
        flow=asked.flow,
        teams=asked.teams,
        reasons=(registrar.catalogue.reason(code), *asked.forbidden),
        on_roll=asked.on_roll,
    )


def _send_back(registrar: Registrar, reference: str, *, by: str, advice: str) -> None:
    """Refuse a held file with advice to the sender, which stands on the receipt."""
    told = " ".join(advice.split())
    if not told or len(told) > _ADVICE_LENGTH or not told.isprintable():
        raise GatewayError(f"advice is one to {_ADVICE_LENGTH} characters, and names no child")
    _refuse(registrar, reference, RETURNED, by=by, why=told, advice=told)


def _refuse(registrar: Registrar, reference: str, code: str, *, by: str, why: str, **detail: str) -> None:
    now = registrar.clock()
    with registrar.registry.write() as session:
        transfer = held(session, reference)
        refused = Refused(reasons=(registrar.catalogue.reason(code, **detail),), flow=transfer.flow)
        ruling = Ruling(reference=reference, decision=refused, kind="refused", actor=by, note=why)
        head = put_in_force(registrar, Batch(session), [ruling], now)
    registrar.bring_out(head)
