"""Write the pages of all providers into published/, after changes and on a new day."""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from datetime import datetime
from pathlib import Path

from sqlmodel import Session, col, select

from gateway.errors import Fault
from gateway.home import Published
from gateway.home.versions import policy_digest, policy_files
from gateway.openpgp.sealer import clearsign, sign_detached
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import local_day
from gateway.publish.projection import replace_published
from gateway.publish.provider_page import calendar, page, tells_the_same
from gateway.publish.standing import Authority, gather, of_each
from gateway.registry.database import Registry
from gateway.registry.flow_status import statuses
from gateway.registry.tables import ReceiptRow
from gateway.secrets.signing import Signing


def publish_pages(
    registry: Registry, published: Published, catalogue: Catalogue, signing: Signing, *,
    authority: Authority, at: datetime, only: Collection[str] | None = None,
) -> int:  # fmt: skip
    """Write /status.html, its signature and /calendar.ics of each provider, or of `only`; return their
    number.

    A calendar with unchanged days is left alone. Each file is always whole; for an instant a new page may
    stand beside the previous page's signature. Raises Fault where published/ cannot be written.
    """
    day = local_day(at, catalogue.calendar.timezone)
    written = 0
    try:
        with registry.read() as session:
            each = of_each(session, day)
            for provider, flows in statuses(session, catalogue, day, only):
                facts = gather(session, catalogue, provider, flows, each, authority=authority, at=at)
                folder = published.pages(provider.id)
                folder.mkdir(parents=True, exist_ok=True)
                html = page(facts)
                replace_published(folder / "status.html", html)
                signature = sign_detached(signing.openpgp, html.encode()).decode("ascii")
                replace_published(folder / "status.html.asc", signature)
                # Write a calendar only where changed: making one takes longer than the rest of the pages.
                path = folder / "calendar.ics"
                if not (path.exists() and tells_the_same(path.read_bytes(), facts)):
                    replace_published(path, calendar(facts).decode())
                written += 1
    except OSError as error:
        raise Fault(f"published/ cannot be written: {os.strerror(error.errno or 0)}") from None
    return written


def publish_policies(published: Published, policies: Path, signing: Signing, at: datetime) -> None:
    """Write /agreement/policies.asc, for a provider's program to check files before sending.

    The file is one signed line of JSON, left alone while the policies in force and the key stay the same.
    """
    path = published.common / "agreement" / "policies.asc"
    of = {"digest": policy_digest(policies), "key": signing.fingerprint}
    if of["digest"] != policies.name:
        raise Fault(f"{policies} was changed on the disk: bring it back from a backup")
    if path.exists() and json.dumps(of)[1:-1] in path.read_text("utf-8"):
        return
    files = {one.name: one.read_text("utf-8") for one in policy_files(policies)}
    line = json.dumps({**of, "at": at.isoformat(), "files": files})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_published(path, clearsign(signing.openpgp, line))
    except OSError as error:
        raise Fault(f"published/ cannot be written: {os.strerror(error.errno or 0)}") from None


def told_since(session: Session, sequence: int) -> tuple[set[str], int]:
    """Return the providers with a receipt or notice after `sequence`, and the number of the last."""
    query = select(ReceiptRow.sequence, ReceiptRow.provider).where(col(ReceiptRow.sequence) > sequence)
    rows = session.exec(query).all()
    return {provider for _, provider in rows}, max([sequence, *(number or 0 for number, _ in rows)])
