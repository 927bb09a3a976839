"""Pages of the watch, and of proposed policies."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from gateway.console.acting import act, signed
from gateway.console.entering import site_of
from gateway.console.site import see, text
from gateway.zones.hatch import evidence_answers as told
from gateway.zones.hatch import evidence_questions as asked


async def show_watch(request: Request) -> Response:
    """Show the state of the gateway."""
    site = site_of(request)
    reply = await site.inside.reply(site.question(request, asked.AskWatch), told.WatchSeen)
    return site.page(request, "watch.html", reply.me, seen=reply.said)


async def show_policies(request: Request) -> Response:
    """Show the differences between two versions of the policies, and their consequences."""
    site, query = site_of(request), request.query_params
    days = query.get("days", "")
    question = site.question(
        request,
        asked.AskPolicies,
        before=query.get("before") or None,
        after=query.get("after") or None,
        days=int(days) if days.isdecimal() else None,
    )
    reply = await site.inside.reply(question, told.PoliciesSeen)
    return site.page(request, "policies.html", reply.me, seen=reply.said)


async def decide_policies(request: Request) -> Response:
    """Approve a proposal as a second person, or withdraw a proposal."""
    site, back = site_of(request), "/agreement/policies"
    form = await site.form(request)
    what = text(form, "do")
    if what == "approve":
        approved = site.question(
            request, asked.ApprovePolicies, assertion=signed(form), digest=text(form, "digest")
        )
        return await act(request, form, approved, "let the proposed policies decide", back)
    if what == "withdraw":
        taken = site.question(request, asked.WithdrawPolicies, assertion=signed(form), why=text(form, "why"))
        return await act(request, form, taken, "take the proposed policies back", back)
    return see(back)
