"""Decisions on held files: released, returned, refused, assigned and noted, each in a person's name."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, ClassVar

from gateway.access import AccessRight
from gateway.acts.act import Act, ActContext, ActDone, Area, OneLine, Reference, Why, argument, option
from gateway.acts.agreement import RatifyAgreement
from gateway.acts.transfers import file_in_words
from gateway.errors import GatewayError
from gateway.model import counted
from gateway.reasons import for_officers, to_officer
from gateway.record import releases
from gateway.record.dual_control import name_of
from gateway.record.registrar import KeylessRules, Registrar
from gateway.registry import providers, roles, staff, transfers

if TYPE_CHECKING:
    from gateway.policy.catalogue import Catalogue
    from gateway.policy.release import Release

AREA = Area.FILES


class _HeldFileAct(Act, right=AccessRight.DECIDE):
    """An act on one held file, for people with the right to decide."""

    reference: Reference = argument("The file, as its receipt names it.", metavar="REF")

    def check(self, context: ActContext) -> None:
        """Refuse a file not waiting for a person, before the confirmation."""
        with context.reading() as session:
            releases.held(session, self.reference)

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
            first = releases.proposed(session, self.reference)
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
        """Return a sentence with the teams to get the file, and objections. GatewayError as `release`."""
        rules = KeylessRules(context.home, context.catalogue)
        with context.reading() as session:
            asked = releases.wished(
                rules, session, releases.held(session, self.reference), context.clock(),
                data_type=self.as_, teams=self.team, override=self.override,
            )  # fmt: skip
        said = release_in_words(asked, rules.catalogue)
        second = " A second person decides." if asked.forbidden else ""
        return f"{super().effect(context)} {said}{second}"

    def carry_out(self, context: ActContext) -> ActDone:
        """Release the file, or propose the release to a second person."""
        with context.open_registrar() as registrar:
            asked = releases.release(
                registrar, self.reference,
                by=context.person, why=self.why, data_type=self.as_, teams=self.team,
                override=self.override, about=self.on,
            )  # fmt: skip
        if asked.forbidden:
            return ActDone(
                f"{self.reference} waits for a second person: gateway held confirm {self.reference} --why …"
            )
        teams = registrar.catalogue.wording.list_names(asked.teams)
        return ActDone(f"{self.reference} is released to {teams}")


class ConfirmRelease(_ProposedRelease, command="held confirm"):
    """Confirm, as a second person, a release against the agreement."""

    def carry_out(self, context: ActContext) -> ActDone:
        """Release the file to the teams that the first person proposed."""
        with context.open_registrar() as registrar:
            asked = releases.confirm(registrar, self.reference, by=context.person, why=self.why)
        teams = registrar.catalogue.wording.list_names(asked.teams)
        return ActDone(f"{self.reference} is released to {teams}")


class DeclineRelease(_ProposedRelease, command="held decline"):
    """Say no to a release against the agreement that somebody proposed. The file goes on waiting."""

    def check(self, context: ActContext) -> None:
        """Refuse a file without a proposed release."""
        super().check(context)
        with context.reading() as session:
            releases.proposed(session, self.reference)

    def carry_out(self, context: ActContext) -> ActDone:
        """End the proposal of a release."""
        with context.recording() as record:
            releases.held(record.session, self.reference)
            asked = releases.proposed(record.session, self.reference)
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
            releases.held(record.session, self.reference)
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
            releases.send_back(registrar, self.reference, by=context.person, advice=self.advice)
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
        """Refuse a held file, with the person's advice on the receipt."""
        releases.send_back(registrar, reference, by=by, advice=self.advice)


class ReleaseHeldFiles(_ManyHeldFiles, command="held release-many"):
    """Release several held files, in your name, each to the teams that the agreement names."""

    short: ClassVar = "Release"
    done: ClassVar = "released"

    why: Why

    def decide(self, registrar: Registrar, reference: str, by: str) -> None:
        """Release a held file to the teams of its flow."""
        releases.release(registrar, reference, by=by, why=self.why)


class RatifyForHeldFiles(_ManyHeldFiles, command="held ratify-many", right=AccessRight.ENROL):
    """Ratify for the schools of several held files, and release what waits for that.

    Each school is put on record as having ratified the agreement, by the same signatory and on the same day.
    """

    short: ClassVar = "Ratify"

    signatory: OneLine = option("Who signed for each of the schools, such as: the Head.")
    on: date | None = option("The day it was signed; today if not given.", None)
    role: str | None = option("As what they signed, where the agreement wants several signatures.", None)

    def check(self, context: ActContext) -> None:
        """Refuse a file held for another reason than a missing ratification. GatewayError."""
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
        """Return the names of the files' schools by id, in the order of the files."""
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
            releases.refuse(registrar, self.reference, by=context.person, why=self.why)
        return ActDone(f"{self.reference} is refused")


class NoteHeldFile(_HeldFileAct, command="held note"):
    """Put a note on a held file, for the next person to decide. No sender reads the note."""

    asks_passkey: ClassVar = False
    by_program: ClassVar = True

    text: Why = argument("What to know of the file; name no child.", metavar="TEXT")

    def carry_out(self, context: ActContext) -> ActDone:
        """Append the note to the log, under the file."""
        with context.recording() as record:
            releases.held(record.session, self.reference)
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
