"""Data protection and the watch: breaches, one child, legal holds, reviews, policies, how things stand."""

from __future__ import annotations

from datetime import date

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from gateway.console.acting import act, act_for, act_question, signed
from gateway.console.entering import site_of
from gateway.console.site import see, text
from gateway.zones.hatch import evidence_answers as told
from gateway.zones.hatch import evidence_questions as asked

_CHILD = ("upn", "surname", "forename")


async def show_watch(request: Request) -> Response:
    """How the gateway stands."""
    site = site_of(request)
    reply = await site.inside.reply(site.question(request, asked.AskWatch), told.WatchSeen)
    return site.page(request, "watch.html", reply.me, seen=reply.said)


async def show_child_form(request: Request) -> Response:
    """Where somebody asks for all that is known of a child."""
    site = site_of(request)
    reply = await site.inside.reply(site.question(request, asked.AskHolds), told.HoldsSeen)
    return site.page(request, "child.html", reply.me)


async def ask_child(request: Request) -> Response:
    """All that is known of a child, once the passkey has signed. Nothing of it is in an address."""
    site = site_of(request)
    form = await site.form(request)
    names = text(form, "names") == "yes"
    question = site.question(
        request, asked.AskChild, assertion=signed(form), why=text(form, "why"), names=names, **_child(form)
    )
    what = "ask for all that is known of one child"
    reply = await act_for(request, form, question, told.DocumentSeen, what, "/evidence/child")
    if isinstance(reply, Response):
        return reply
    return site.page(request, "document.html", reply.me, seen=reply.said, back="/evidence/child")


async def show_holds(request: Request) -> Response:
    """The legal holds, and what is due for deletion where it is asked for."""
    site, plan = site_of(request), request.query_params.get("plan") == "yes"
    reply = await site.inside.reply(site.question(request, asked.AskHolds, plan=plan), told.HoldsSeen)
    return site.page(request, "holds.html", reply.me, seen=reply.said)


async def change_hold(request: Request) -> Response:
    """Place or lift a legal hold."""
    site = site_of(request)
    form = await site.form(request)
    verb = "place" if text(form, "do") == "place" else "lift"
    question = act_question(
        request, form, f"legal-holds {verb}", "reference", "provider", "why", "born", *_CHILD
    )
    return await act(request, form, question, f"{verb} a legal hold", "/evidence/holds")


async def show_policies(request: Request) -> Response:
    """What differs between two versions of the policies, and what it would change."""
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
    """Approve what is proposed, as a second person, or take it back."""
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


def _child(form: FormData) -> dict[str, object]:
    born = text(form, "born")
    return {
        **{name: text(form, name) for name in _CHILD},
        "born": date.fromisoformat(born) if born else None,
    }
