"""Store receipts and notices to providers for publication: first unsigned, and signed after the commit.

Other writers must not wait for a signature. So a transaction first stores a receipt's statement, vouched for
by the log; proof and signature follow after the commit. After a crash in between, the next publisher signs
every receipt proved by the log.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, get_args

from sqlalchemy import text, union
from sqlmodel import Session, col, select

from gateway.log.checkpoint import CheckpointError, read_checkpoint
from gateway.log.leaf import canonical
from gateway.openpgp.sealer import clearsign, clearsign_each
from gateway.registry import log, vouched_rows
from gateway.registry.locks import WriterLock, take_lock
from gateway.registry.providers import provider_row
from gateway.registry.tables import CheckpointRow, DeclarationRow, EventRow, ReceiptRow, TransferRow
from gateway.registry.tables.row import first, store
from gateway.zones.spool import new_reference

# Imported only for signing: listings read receipts without.
if TYPE_CHECKING:
    from sqlmodel.sql.expression import SelectOfScalar

    from gateway.receipts.facts import Proof
    from gateway.receipts.text import Statement
    from gateway.registry.database import Registry
    from gateway.secrets.signing import Signing

_log = logging.getLogger(__name__)
_IN_USE: Any = union(
    *(
        select(each.reference).where(vouched_rows.is_in(each.reference, "wanted"))
        for each in (ReceiptRow, TransferRow, DeclarationRow)
    )
)
Unsigned = tuple[dict[str, Any], "Statement", "Proof"]
"""A receipt to be signed: row without texts, statement, and proof in the log."""
UNSIGNED = ""
"""The seal of a receipt on record that is not signed yet."""

# The names under which notices are published.
KEY_NOTICE = "key-notice"
GATEWAY_KEY_HEADLINE = "The GATEWAY has a new OpenPGP key."
AGREEMENT_NOTICE = "agreement-notice"
DISCREPANCY_NOTICE = "NOTICE"


def fresh_reference(session: Session, provider: str, at: datetime) -> str:
    """Return a new reference for a file of a provider, not used by any transfer, notice or declaration."""
    while True:
        reference = new_reference(provider, at)
        if not in_use(session, [reference]):
            return reference


def in_use(session: Session, references: Iterable[str]) -> set[str]:
    """Return the `references` used by a transfer, notice or declaration; leave out all others."""
    return set(session.scalars(_IN_USE, {"wanted": list(references)}))


def next_receipts(session: Session, count: int) -> list[int]:
    """Return the next `count` numbers for receipts, and reserve them.
    Until the end of the transaction a lock keeps all others from taking numbers.
    """
    take_lock(session, WriterLock.RECEIPTS)
    if session.get_bind().dialect.name != "postgresql":
        return vouched_rows.next_numbers(session, ReceiptRow, "sequence", count)
    drawn = text(
        "SELECT nextval(pg_get_serial_sequence('receipt', 'sequence')) FROM generate_series(1, :count)"
    )
    return sorted(session.connection().execute(drawn, {"count": count}).scalars())


def put_unsigned(
    session: Session, receipts: Sequence[dict[str, Any]], statements: Sequence[Statement]
) -> list[int]:
    """Store unsigned receipts, each given as a row and the statement for it; return the receipts' numbers.
    Until the end of the transaction a lock keeps all others from taking numbers.
    """
    take_lock(session, WriterLock.RECEIPTS)
    whole = []
    for row, each in zip(receipts, statements, strict=True):
        told = f'{{"languages": {json.dumps(each.languages)}, "receipt": {each.canonical.decode()}}}'
        whole.append({**row, "text": each.text, "json_text": told, "seal": UNSIGNED})
    return vouched_rows.insert_numbered(session, ReceiptRow, "sequence", whole)


def proved_by(session: Session, row: ReceiptRow, stated: str | None = None) -> tuple[int, str] | None:
    """Return where the log vouches for a receipt: the number of the entry, and the first signed head after
    it. None if there is no such entry or head. `stated`: a digest; only an entry that records the receipt
    with this digest counts. The proof is not checked here.
    """
    own = "receipt", f"[{row.sequence}]"
    for event in log.events(session, row.reference):
        if any(
            key == own and stated in {None, told}
            for key, told in vouched_rows.read_changes(event.rows or "[]")
        ):
            head = first(session, CheckpointRow, "size", where=[CheckpointRow.size > event.number])
            return None if head is None else (event.number, head.text)
    return None


def signed(signing: Signing, unsigned: Sequence[Unsigned]) -> list[dict[str, Any]]:
    """Sign receipts; return their rows with text, JSON, and the seal: a signature by the log's key."""
    texts = clearsign_each(signing.openpgp, (told.for_people(proof) for _, told, proof in unsigned))
    made = []
    for (row, statement, proof), told in zip(unsigned, texts, strict=True):
        whole = {**row, "text": told, "json_text": statement.for_machines(proof, signing.log_key.sign)}
        made.append(
            {**whole, "seal": signing.log_key.sign(vouched_rows.sealed_content(whole, row["sequence"])).hex()}
        )
    return made


def proofs(session: Session, numbers: Sequence[int], *, head: str, signing: Signing) -> Iterator[Proof]:
    """Yield a proof of inclusion for each of the leaf `numbers`, in the log under the signed `head`.
    No query is needed for leaves that the transaction appended: their proofs may be made after the commit.
    """
    from gateway.receipts.facts import Proof  # noqa: PLC0415 - only signing needs it

    found = log.inclusion_proofs(session, numbers, int(head.split("\n", 2)[1]))
    for number, (leaf, hashes) in zip(numbers, found, strict=True):
        yield Proof(
            leaf=leaf,
            index=number,
            hashes=tuple(hashes),
            checkpoint=head,
            log_key=signing.vkey,
            log_key_certificate=signing.log_statement,
        )


def sign(registry: Registry, signing: Signing, unsigned: Iterable[Unsigned]) -> list[ReceiptRow]:
    """Sign and store the receipts of a committed transaction; return the rows signed by this call."""
    given = {one[0]["sequence"]: one for one in unsigned}
    with registry.write_on(()) as session:
        ours = _to_sign(select(ReceiptRow.sequence)).where(col(ReceiptRow.sequence).in_(given))
        made = signed(signing, [given[number] for number in session.exec(ours)])
        _store(session, made)
    return [ReceiptRow(**row) for row in made]


def is_owed(session: Session, after: int) -> bool:
    """Return True if a receipt with a number above `after` waits for a signature. In SQLite always False."""
    if session.get_bind().dialect.name != "postgresql":
        return False
    unsigned = ReceiptRow.seal == UNSIGNED, col(ReceiptRow.sequence) > after
    return session.exec(select(ReceiptRow.sequence).where(*unsigned).limit(1)).first() is not None


def sign_owed(session: Session, signing: Signing, after: int = 0) -> list[int]:
    """Sign the receipts with a number above `after` left unsigned by a crash.
    A receipt not proved by the log stays unsigned: return the numbers of such receipts, and write them to the
    service's own log. Waits for receipts that others are signing. Fault if the keys cannot sign.
    """
    from gateway.verify.verify_receipts import Unproved  # noqa: PLC0415 - loads cryptography

    made, refused = [], []
    for row in session.exec(_to_sign(select(ReceiptRow)).where(col(ReceiptRow.sequence) > after)).all():
        try:
            made.append(_signed_if_proved(session, signing, row))
        except (Unproved, CheckpointError, ValueError, LookupError, TypeError, AttributeError) as error:
            why = str(error) if isinstance(error, Unproved) else type(error).__name__
            _log.error("receipt %s cannot be signed: %s", row.sequence, why)
            refused.append(row.sequence or 0)
    _store(session, made)
    return refused


def _signed_if_proved(session: Session, signing: Signing, row: ReceiptRow) -> dict[str, Any]:
    """Return the row of a receipt, signed and sealed; raise Unproved if the log does not prove the row."""
    from gateway.reasons.languages import Language  # noqa: PLC0415 - only signing needs it
    from gateway.receipts.text import Statement  # noqa: PLC0415 - only signing needs it
    from gateway.verify.verify_receipts import Unproved, check_receipt  # noqa: PLC0415 - loads cryptography

    told = json.loads(row.json_text)
    languages = tuple(told["languages"])
    # The log does not vouch for the languages, and a file of each name is read.
    if len(languages) > len(get_args(Language)) or not set(languages) <= set(get_args(Language)):
        raise Unproved("receipts are in no such languages")
    statement = Statement(canonical(told["receipt"]), row.text, languages)
    stated = vouched_rows.stated_digest(vouched_rows.content_of(row), row.text, statement.canonical)
    if (found := proved_by(session, row, stated)) is None:
        raise Unproved("the log has no entry for such a receipt")
    number, head = found
    read_checkpoint(head, [signing.vkey])  # Checked before its size is used in a query.
    (proof,) = proofs(session, [number], head=head, signing=signing)
    (made,) = signed(signing, [(vouched_rows.content_of(row), statement, proof)])
    check_receipt(made["json_text"])
    record = session.exec(select(EventRow.rows).where(EventRow.number == number)).one() or ""
    if json.loads(proof.leaf)["fields"].get("rows") != hashlib.sha256(record.encode()).hexdigest():
        raise Unproved("the record beside the log's entry is another one")
    return made


def _to_sign(query: SelectOfScalar[Any]) -> SelectOfScalar[Any]:
    # Sorted against deadlocks. Whoever has waited for a row finds it signed, and skips it.
    return query.where(ReceiptRow.seal == UNSIGNED).order_by(col(ReceiptRow.sequence)).with_for_update()


def _store(session: Session, receipts: Sequence[dict[str, Any]]) -> None:
    """Store texts and seals of signed receipts. The log gets no entry: signatures prove texts and seals."""
    vouched_rows.insert_rows(session, ReceiptRow, receipts, ("text", "json_text", "seal"))


def latest(session: Session, reference: str) -> ReceiptRow | None:
    """Return the latest receipt of a transfer, which is the one in force; None without a receipt."""
    return first(session, ReceiptRow, "-sequence", reference=reference)


def leave_notice(  # noqa: PLR0917 - what a notice is made of
    session: Session, signing: Signing, name: str, provider: str, at: datetime, text_of: Callable[..., str]
) -> None:
    """Sign and store a notice to a provider, to be published under `name` like a receipt.
    `text_of` makes the text, given the notice's `reference` and the `provider_name`. A notice has no JSON.
    """
    reference = fresh_reference(session, provider, at)
    text = text_of(reference=reference, provider_name=provider_row(session, provider).name)
    signed = clearsign(signing.openpgp, text)
    row = ReceiptRow(
        reference=reference, provider=provider, name=name, text=signed, json_text="", created_at=at
    )
    store(session, row)


def notices_to(session: Session, provider: str, limit: int) -> Sequence[tuple[str, str, datetime]]:
    """Return the `limit` latest notices to a provider, latest first: reference, published name and time."""
    query = (
        select(ReceiptRow.reference, ReceiptRow.name, ReceiptRow.created_at)
        # Spelled as in the index of notices: a bound parameter would miss the index.
        .where(ReceiptRow.provider == provider, text("receipt.json_text = ''"))
        .order_by(col(ReceiptRow.sequence).desc())
        .limit(limit)
    )
    return session.exec(query).all()


def notices_since(
    session: Session, since: datetime, name: str, headline: str = ""
) -> dict[str, list[tuple[str, datetime]]]:
    """Return by provider the notices published under a name since a moment: reference and time of each.
    `headline`: a headline in English; if given, only notices with this headline are returned.
    """
    columns = (ReceiptRow.provider, ReceiptRow.reference, ReceiptRow.created_at)
    query = select(*columns).where(col(ReceiptRow.created_at) >= since, ReceiptRow.name == name)
    if headline:
        query = query.where(col(ReceiptRow.text).contains(f"\n{headline}\n"))
    found: dict[str, list[tuple[str, datetime]]] = {}
    for provider, reference, at in session.exec(query):
        found.setdefault(provider, []).append((reference, at))
    return found
