"""Letters to schools and staff: a preview of any days, letters sent, and letters returned."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar

from gateway.access import AccessRight
from gateway.acts.act import (
    Act,
    ActContext,
    ActDone,
    ActListing,
    Confirmation,
    ReadingAct,
    Why,
    argument,
    option,
)
from gateway.home.settings import load_settings
from gateway.registry import letters


class PreviewLetters(ReadingAct):
    """Preview the letters due by the calendar, by the current record. Nothing is owed or sent.

    Letters about single files are not foreseen: each is owed on a file's decision.
    """

    command: ClassVar = "letters preview"
    right: ClassVar = AccessRight.ENROL

    on: date | None = option("As if it were that day; today if not given.", None)
    days: int = option("So many days from then on, each letter once.", 1, ge=1, le=400)

    def carry_out(self, context: ActContext) -> ActListing:
        """Write each letter due on the given days, once."""
        from gateway.policy.catalogue import load_catalogue  # noqa: PLC0415 - only a preview reads policies
        from gateway.publish.standing import Authority  # noqa: PLC0415 - the same
        from gateway.record.letters import Letterhead, by_calendar  # noqa: PLC0415 - loads OpenPGP libraries

        catalogue = load_catalogue(context.home.policies_in_force)
        letterhead = Letterhead(catalogue, Authority.of(load_settings(context.home)))
        first = context.clock() if self.on is None else datetime.combine(self.on, time(12), UTC)
        rows: dict[tuple[str, str], dict[str, Any]] = {}
        with context.reading() as session:
            for number in range(self.days):
                at = first + timedelta(days=number)
                for letter in by_calendar(letterhead, session, at, {event for event, _ in rows}):
                    row = {
                        "day": at.date().isoformat(),
                        "kind": letter.kind,
                        "to": letter.recipient,
                        "provider": letter.provider,
                        "subject": letter.subject,
                        "text": letter.text,
                    }
                    rows.setdefault((letter.event, letter.recipient), row)
        return ActListing(list(rows.values()), ("day", "kind", "to", "subject"), empty="nobody is written to")


class ListLetters(ReadingAct):
    """List every letter owed, with the times of owing, sending and return."""

    command: ClassVar = "letters list"
    right: ClassVar = AccessRight.LOOK

    def carry_out(self, context: ActContext) -> ActListing:
        """Read the letters without their texts."""
        with context.reading() as session:
            rows = [row.model_dump(exclude={"text"}) for row in letters.listed(session)]
        return ActListing(
            rows,
            ("number", "kind", "recipient", "subject", "owed_at", "sent_at", "refused", "bounced_at"),
            empty="no letter was owed",
            narrow=("number", "kind", "recipient", "sent_at"),
            latest=True,
        )


class NoteBouncedLetter(Act):
    """Note that a letter came back, and why.

    Then correct the address (gateway providers set ID --contact).
    """

    command: ClassVar = "letters bounced"
    right: ClassVar = AccessRight.ENROL
    confirmation: ClassVar = Confirmation.NOTHING

    number: int = argument("As letters list has it.", metavar="NUMBER")
    why: Why

    def carry_out(self, context: ActContext) -> ActDone:
        """Record the return of the letter."""
        with context.open_registry() as registry, registry.write() as session:
            letters.bounced(session, self.number, at=context.clock(), by=context.person, why=self.why)
        return ActDone(f"noted: letter {self.number} came back")
