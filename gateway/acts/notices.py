"""Acts to list and read notices: signed messages to the authority's data protection officers."""

from collections.abc import Sequence
from typing import ClassVar

from gateway.access import AccessRight
from gateway.acts.act import Act, ActContext, ActDone, Recording
from gateway.acts.fields import argument
from gateway.acts.listing import DatedListing, Row
from gateway.model import LogStep, Provider, Transfer
from gateway.openpgp.sealer import clearsign
from gateway.receipts.notices import render_authority_notice
from gateway.registry import providers, recalls
from gateway.registry.sight import sees

_FORMER = "A copy by a school's former number was TAKEN OUT of its /out."
_BREACH = (
    "The school got it by a number on its record that was changed now, and may have fetched it. If that was "
    "another school's number, decide whether this is a breach of personal data (agreement, section 10), and "
    "record it with this reference if it is one. If it was the school's own, nothing needs doing."
)


class ListNotices(DatedListing, command="notices list", right=AccessRight.LOOK):
    """List every notice, latest first, with the first reader."""

    beside: ClassVar = ("notices show:number",)
    columns: ClassVar = ("number", "created_at", "reference", "subject", "read_at", "read_by")
    personal_columns: ClassVar = ("read_by",)
    empty: ClassVar = "no notices"
    when: ClassVar = "created_at"

    def rows(self, context: ActContext) -> list[Row]:
        """Return a row for each notice, without the text: it names persons, and each reading is recorded."""
        with context.reading() as session:
            return [one.model_dump(exclude={"text"}) for one in recalls.notices(session)]


class ShowNotice(Act, command="notices show", right=AccessRight.PROTECT, asks_passkey=False):
    """Print a signed notice. Reading is recorded in your name."""

    number: int = argument("The number of the notice.", metavar="N")

    def carry_out(self, context: ActContext) -> ActDone:
        """Return the text of one notice, after recording the reader."""
        with context.recording() as record:
            notice = recalls.read_notice(record.session, self.number, by=record.by, at=record.at)
            record.note("notice-read", notice.reference, {"number": self.number})
        return ActDone(document=notice.text)


def tell_dpo(
    record: Recording, transfer: Transfer, openings: Sequence[LogStep], why: str,
    copied: tuple[str, ...] = (), *, by: str = "", headline: str, next_step: str,
) -> None:  # fmt: skip
    """Store a signed notice to data protection about a file, such as on a withdrawal.
    `copied`: the providers whose copies of the file are taken back. `by`: the names of the persons who acted;
    "" for the acting person alone.
    """
    registrar, session, reference = record.registrar, record.session, transfer.upload.reference
    text = render_authority_notice(
        headline=headline,
        organisation=registrar.settings.organisation,
        reference=reference,
        provider_name=providers.provider_row(session, transfer.upload.provider).name,
        data_type=transfer.data_type or "",
        made_at=record.at,
        by=by or record.by,
        why=why,
        openings=openings,
        copies=copied,
        next_step=next_step,
    )
    recalls.leave_notice(session, reference, headline, clearsign(registrar.signing.openpgp, text), record.at)


def hold_back(
    context: ActContext, record: Recording, before: Provider, why: str | None, *, same_school: bool = False
) -> list[str]:
    """Hold back the copies that a provider received by a school number that is no longer its own; return
    sentences on them.
    `before`: the provider with its former numbers. `why`: the reason for the change. `same_school`: True if
    the old and new numbers are of one school: the copies then stay. Data protection gets a notice of each
    copy held back. The sentences name only files within the person's sight. `recording(copies=True)`
    removes the copies from /out.
    """
    from gateway.record.reconsider import renumber_copies  # noqa: PLC0415 - few need what reads files

    back = renumber_copies(record.registrar, record.session, before, record.at, same_school=same_school)
    why, sight = why or "its number on record was put right", context.sight(record.session)
    for one in back:
        openings = recalls.openings(record.session, one.upload.reference)
        tell_dpo(record, one, openings, why, (before.id,), headline=_FORMER, next_step=_BREACH)
    seen = [one for one in (each.upload.reference for each in back) if sees(record.session, sight, one)]
    told = [
        f"a copy by the former number of {before.id} is out of its /out, which may have fetched it: {one}"
        for one in seen
    ]
    if more := len(back) - len(seen):
        told.append(
            f"copies by the former number of {before.id} out of its /out, of files that you may not know of: "
            f"{more}"
        )
    return told
