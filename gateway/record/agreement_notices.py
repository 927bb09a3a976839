"""Every education provider is told of the agreement: by a notice, and in /agreement."""

import hashlib
from collections.abc import Collection
from datetime import datetime

from sqlmodel import Session

from gateway.reasons.languages import Language
from gateway.receipts.agreement_notice import AgreementNotice, render
from gateway.registry import log, providers, receipts
from gateway.registry.log import Entry
from gateway.registry.tables import ReceiptRow
from gateway.secrets.signing import Signing

_EVERYBODY = "every education provider"


def tell_everybody(  # noqa: PLR0917 - what a notice is made of
    session: Session,
    signing: Signing,
    organisation: str,
    notice: AgreementNotice,
    parties: Collection[str],
    at: datetime,
    *,
    languages: tuple[Language, ...] = ("en",),
) -> int:
    """Leave a signed notice for each open provider of the given kinds, and one for all; return the number.

    Each notice is in all `languages`. The log's entry keeps the text for all, published in /agreement. The
    caller signs the log's head.
    """
    addressees = [
        provider
        for provider in providers.list_providers(session)
        if provider.kind in parties and not provider.is_closed
    ]
    references = [receipts.fresh_reference(session, provider.id, at) for provider in addressees]
    texts = [
        render(
            notice,
            organisation=organisation,
            provider_name=provider.name,
            reference=reference,
            at=at,
            languages=languages,
        )
        for provider, reference in zip(addressees, references, strict=True)
    ]
    general = render(
        notice,
        organisation=organisation,
        provider_name=_EVERYBODY,
        reference="",
        at=at,
        languages=languages,
    )
    signed = signing.clearsign_each([general, *texts])
    for provider, reference, text in zip(addressees, references, signed[1:], strict=True):
        session.add(
            ReceiptRow(
                reference=reference,
                provider=provider.id,
                name=receipts.AGREEMENT_NOTICE,
                text=text,
                json_text="",
                created_at=at,
            )
        )
    fields: dict[str, str | int] = {
        "sha256": hashlib.sha256(general.encode()).hexdigest(),
        "count": len(addressees),
    }
    log.append(session, [Entry(kind="changes-told", subject="agreement", fields=fields, note=signed[0])], at)
    return len(addressees)
