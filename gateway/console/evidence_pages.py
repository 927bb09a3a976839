"""Pages of evidence: receipts, the log, and openings of files."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from gateway.console.entering import site_of
from gateway.zones.hatch.answers import OpeningsSeen, ReceiptVerified
from gateway.zones.hatch.questions import AskOpenings, VerifyReceipt

_MOST = 262_144


async def show_evidence(request: Request) -> Response:
    """Show the openings of files, the newest log head, and a form to check receipts."""
    site, before = site_of(request), request.query_params.get("before", "")
    question = site.question(request, AskOpenings, before=int(before) if before.isdecimal() else None)
    reply = await site.inside.reply(question, OpeningsSeen)
    return site.page(request, "evidence.html", reply.me, seen=reply.said)


async def verify_receipt(request: Request) -> Response:
    """Show if a pasted or uploaded receipt is genuine; verification happens inside."""
    site = site_of(request)
    form = await site.form(request)
    given = form.get("receipt")
    pasted = form.get("text")
    told = pasted if isinstance(pasted, str) else ""
    if given is not None and not isinstance(given, str) and given.size:
        told = (await given.read(_MOST)).decode("utf-8", "replace")
    await form.close()
    question = site.question(request, VerifyReceipt, text=told[:_MOST])
    reply = await site.inside.reply(question, ReceiptVerified)
    return site.page(request, "receipt.html", reply.me, seen=reply.said)
