"""Acts on letters to schools and staff: preview, list, show and send letters, and note returned ones."""

from datetime import UTC, date, datetime, time, timedelta
from typing import ClassVar

from gateway.access import AccessRight
from gateway.acts.act import Act, ActContext, ActDone, ReadingAct
from gateway.acts.fields import ProviderId, Why, argument, option
from gateway.acts.listing import DatedListing, GroupedListing, ListingAct, Row
from gateway.errors import GatewayError
from gateway.home.settings import load_settings
from gateway.model import counted
from gateway.policy.dates import spoken
from gateway.publish.letters_out import plain
from gateway.record.letters import Letterhead, by_calendar, chasing, owe, owe_again, owe_by_calendar
from gateway.record.registrar import Registrar
from gateway.registry import letters, log, providers
from gateway.registry.sight import check_all_seen

_JUDGED_AT_ONCE = 12_000
"""The most letters judged for one page, as providers times days: some seconds of work."""
_UNWRAPPED = 10_000  # A page breaks lines itself.


class PreviewLetters(ListingAct, command="letters preview", right=AccessRight.ENROL):
    """Preview the letters due by the calendar, as judged by the present record. No letter is owed or sent.

    Letters about single files are left out: each is owed only when a file is decided.
    """

    columns: ClassVar = ("day", "kind", "to", "subject")
    personal_columns: ClassVar = ("to",)
    empty: ClassVar = "nobody is written to"

    on: date | None = option("As if it were that day; today if not given.", None)
    days: int = option("How many days from then on, each letter once.", 1, ge=1, le=400)

    def known_by(self, context: ActContext) -> str:
        """Return the size of the log, so a cached preview is made again after a new log entry."""
        with context.reading() as session:
            return str(log.size(session))

    def rows(self, context: ActContext) -> list[Row]:
        """Return a row for each letter due on the given days."""
        catalogue, settings = context.catalogue, load_settings(context.home)
        first = context.clock() if self.on is None else datetime.combine(self.on, time(12), UTC)
        rows: dict[tuple[str, str], Row] = {}
        with context.reading() as session:
            letterhead = Letterhead(session, catalogue, settings)
            every = len(providers.names(session))
            most = max(1, _JUDGED_AT_ONCE // max(1, every))
            if context.mailboxes is not None and self.days > most:  # A page ends sooner than a command.
                then = spoken(first.date() + timedelta(days=most))
                said = f"{self.days} days of {counted(every, 'provider')} are too many at once"
                raise GatewayError(f"{said}: ask for {most}, and then for further ones as if it were {then}")
            for number in range(self.days):
                at = first + timedelta(days=number)
                known = {event for event, _ in rows}
                judged = context.judged(letterhead.day(at)) if context.judged else None
                for letter in by_calendar(letterhead, at, known, judged):
                    row = {
                        "day": at.date().isoformat(), "kind": letter.kind, "to": letter.recipient,
                        "provider": letter.provider, "subject": letter.subject, "text": letter.text,
                    }  # fmt: skip
                    rows.setdefault((letter.event, letter.recipient), row)
        return list(rows.values())


class ListLetters(GroupedListing, DatedListing, command="letters list", right=AccessRight.LOOK):
    """List every letter owed, with the times at which it was owed, sent and returned."""

    beside: ClassVar = ("letters bounced:number",)
    columns: ClassVar = (
        "number", "kind", "recipient", "subject", "owed_at", "sent_at", "refused", "bounced_at",
    )  # fmt: skip
    narrow: ClassVar = ("number", "kind", "recipient", "sent_at")
    personal_columns: ClassVar = ("recipient", "refused")
    empty: ClassVar = "no letter was owed"
    latest: ClassVar = True
    groups: ClassVar = ("kind",)
    when: ClassVar = "owed_at"

    def rows(self, context: ActContext) -> list[Row]:
        """Return a row for each letter, without its text."""
        with context.reading() as session:
            return [row.model_dump(exclude={"text"}) for row in letters.listed(session)]


class ShowLetter(ReadingAct, command="letters show", right=AccessRight.LOOK):
    """Show one letter as written."""

    beside: ClassVar = ("letters bounced:number",)

    number: int = argument("As letters list has it.", metavar="NUMBER")

    def carry_out(self, context: ActContext) -> ActDone:
        """Return one letter with the text. GatewayError if it names a file outside the person's sight."""
        with context.reading() as session:
            row = letters.get(session, self.number)
            unfolded = row.text.replace("=\n", "")  # Quoted-printable may break a line within a reference.
            check_all_seen(session, context.sight(session), unfolded)
        return ActDone(f"to {row.recipient}: {row.subject}", document=plain(row.text, _UNWRAPPED))


class ChaseProvider(Act, command="letters chase", right=AccessRight.ENROL):
    """Write to a provider about the data that has not come, at once and once a day at most.

    The letter names each kind of data and its day. It leaves for the addresses of the provider's contacts.
    """

    provider: ProviderId

    def effect(self, context: ActContext) -> str:
        """Return the letter and its recipients. GatewayError if no data is missing or no address is known."""
        with context.open_registrar() as registrar, context.reading() as session:
            letterhead = Letterhead(session, registrar.catalogue, registrar.settings)
            found = chasing(letterhead, self.provider, context.clock())
        recipients = ", ".join(one.recipient for one in found)
        return f"To: {recipients}\nSubject: {found[0].subject}\n\n{plain(found[0].text, _UNWRAPPED)}"

    def carry_out(self, context: ActContext) -> ActDone:
        """Queue the letter. GatewayError if no data is missing, no address known, or a letter went today."""
        with context.recording(signs=False) as record:
            session, registrar = record.session, record.registrar
            _check_relay(registrar)
            letterhead = Letterhead(session, registrar.catalogue, registrar.settings)
            found = chasing(letterhead, self.provider, record.at)
            owed = owe(registrar, session, found, record.at)
        if not owed:
            raise GatewayError(f"{self.provider} was written to today already")
        return ActDone(f"{counted(owed, 'letter')} to {self.provider} will leave with the next round")


class SendLetters(Act, command="letters send", right=AccessRight.ENROL):
    """Send today's letters at once, and count the letters waiting to leave.

    The processor does the same once a day and after each change of the policies. No letter is sent twice.
    What no relay took in time is sent only if you ask for it: look first whether it is still true.
    """

    again: tuple[int, ...] = option(
        "Also a letter not taken in time, by its number; may be given again.", (),
        form="Also letters that were not taken in time, by their numbers.",
    )  # fmt: skip

    def carry_out(self, context: ActContext) -> ActDone:
        """Queue today's letters; return the number waiting. GatewayError if no mail relay is configured, or
        if a letter of `again` was not given up, or has a recipient who is written to no more.
        """
        with context.recording(signs=False) as record:
            _check_relay(record.registrar)
            for number in self.again:
                owe_again(record.registrar, record.session, number, record.at)
        with context.open_registrar() as registrar:
            owed = owe_by_calendar(registrar, context.clock())
            with registrar.registry.read() as session:
                waiting = len(letters.unsent(session))
        if not waiting:
            return ActDone("nobody is to be written to today who has not been")
        leave = "leaves" if waiting == 1 else "leave"
        return ActDone(
            f"{counted(waiting, 'letter')} ({owed} of today) {leave} with the next round of the courier"
        )


def _check_relay(registrar: Registrar) -> None:
    """Raise GatewayError if gateway.toml names no mail relay, without which no letter leaves."""
    if registrar.settings.letters.relay is None:
        raise GatewayError("no letter leaves: name a relay in the settings, under [letters]")


class NoteBouncedLetter(
    Act, command="letters bounced", right=AccessRight.ENROL, by_program=True, asks_passkey=False
):
    """Note that a letter came back, and why.

    Then correct the address (gateway providers set ID --contact).
    """

    number: int = argument("The number of the letter, as letters list has it.", metavar="NUMBER")
    why: Why

    def carry_out(self, context: ActContext) -> ActDone:
        """Record that the letter came back, with the reason."""
        with context.open_registry() as registry, registry.write() as session:
            letters.bounced(session, self.number, at=context.clock(), by=context.person, why=self.why)
        return ActDone(f"noted: letter {self.number} came back")
