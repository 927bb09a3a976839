"""What is held, and what a person decides."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from gateway.console.acting import act, signed
from gateway.console.entering import site_of
from gateway.console.site import see, text
from gateway.zones.hatch.answers import HeldPage, HeldTold
from gateway.zones.hatch.questions import (
    AskHeld,
    AskHeldFile,
    ConfirmRelease,
    EndRecall,
    RefuseFile,
    ReleaseFile,
    ReturnFile,
)


async def show_held(request: Request) -> Response:
    """A page of what is held."""
    site, before = site_of(request), request.query_params.get("before", "")
    question = site.question(request, AskHeld, before=int(before) if before.isdecimal() else None)
    reply = await site.inside.reply(question, HeldPage)
    return site.page(request, "held.html", reply.me, seen=reply.said)


async def show_held_file(request: Request) -> Response:
    """All that is known of one."""
    site = site_of(request)
    question = site.question(request, AskHeldFile, **request.path_params)
    reply = await site.inside.reply(question, HeldTold)
    return site.page(request, "held_file.html", reply.me, seen=reply.said)


async def decide_held(request: Request) -> Response:
    """Do with a held file what the button says that was pressed."""
    site, reference = site_of(request), request.path_params["reference"]
    form = await site.form(request)
    why, what, back = text(form, "why"), text(form, "do"), f"/held/{reference}"
    told = {"reference": reference, "assertion": signed(form)}
    if what == "release":
        teams = tuple(str(each) for each in form.getlist("team"))
        question = site.question(
            request,
            ReleaseFile,
            **told,
            why=why,
            data_type=text(form, "data_type") or None,
            teams=teams,
            override=text(form, "override") == "yes",
        )
        return await act(request, form, question, f"release {reference}", back)
    if what == "confirm":
        confirmed = site.question(request, ConfirmRelease, **told, why=why)
        return await act(request, form, confirmed, f"allow the release of {reference}", back)
    if what == "return":
        returned = site.question(request, ReturnFile, **told, advice=why)
        return await act(request, form, returned, f"return {reference} to its sender", back)
    if what == "refuse":
        refused = site.question(request, RefuseFile, **told, why=why)
        return await act(request, form, refused, f"refuse {reference} for good", back)
    if what in {"again", "for-good"}:
        ended = site.question(request, EndRecall, **told, why=why, again=what == "again")
        words = "give back to its teams" if ended.again else "withdraw for good"
        return await act(request, form, ended, f"{words} {reference}", back)
    return see(back)
