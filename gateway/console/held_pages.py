"""Pages of held files; decisions are acts."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from gateway.console.entering import site_of
from gateway.zones.hatch.answers import HeldPage, HeldTold
from gateway.zones.hatch.questions import AskHeld, AskHeldFile


async def show_held(request: Request) -> Response:
    """Show a page of held files."""
    site, before = site_of(request), request.query_params.get("before", "")
    question = site.question(request, AskHeld, before=int(before) if before.isdecimal() else None)
    reply = await site.inside.reply(question, HeldPage)
    return site.page(request, "held.html", reply.me, seen=reply.said)


async def show_held_file(request: Request) -> Response:
    """Show the details of a held file."""
    site = site_of(request)
    question = site.question(request, AskHeldFile, **request.path_params)
    reply = await site.inside.reply(question, HeldTold)
    return site.page(request, "held_file.html", reply.me, seen=reply.said)
