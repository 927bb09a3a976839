"""Pages of schools, the agreement and its policies, the watch, evidence and held files."""

from collections.abc import Mapping
from datetime import date

from starlette.requests import Request
from starlette.responses import Response

from gateway.console.acting import act, act_for, me_of, signed
from gateway.console.entering import site_of
from gateway.console.inside import DeclinedInside
from gateway.console.site import see, text
from gateway.zones.console_api import evidence_answers as told
from gateway.zones.console_api import questions as asked
from gateway.zones.console_api.answers import Done, HeldTold, OpeningsSeen, ReceiptVerified
from gateway.zones.console_api.questions import (
    AskAgreement,
    AskHeldFile,
    AskOpenings,
    AskSchool,
    AskSchools,
    VerifyReceipt,
)
from gateway.zones.console_api.school_answers import AgreementSeen, SchoolsSeen, SchoolTold
from gateway.zones.http_paths import row_number

_NOT_HELD = frozenset({403, 404})
SIGNS = {
    "on-time": ("✓", "on time", "green"),
    "early": ("✓", "early", "green"),
    "received": ("✓", "received", "green"),
    "nil": ("∅", "nothing to send", "green"),
    "late": ("◐", "came late", "yellow"),
    "due": ("…", "due now", "blue"),
    "missing": ("✗", "missing", "red"),
    "not-due": ("·", "not due", ""),
    "not-expected": ("-", "not expected", ""),
    "no-calendar": ("?", "no calendar", "yellow"),
}
"""The display of each state: a sign, words, and a colour adding no information."""
LEGEND: dict[tuple[str, str], list[str]] = {}
"""The words behind each sign, by sign and colour."""
for _sign, _words, _colour in SIGNS.values():
    LEGEND.setdefault((_sign, _colour), []).append(_words)


async def show_schools(request: Request) -> Response:
    """Show a page of the matrix, for any day."""
    site, query = site_of(request), request.query_params
    page = query.get("page", "")
    question = site.question(
        request,
        AskSchools,
        on=date.fromisoformat(on) if (on := query.get("on", "")) else None,
        page=int(page) if page.isdecimal() else 0,
        late=query.get("late") == "yes",
    )
    reply = await site.inside.reply(question, SchoolsSeen)
    return site.page(request, "schools.html", reply.me, seen=reply.said, signs=SIGNS, legend=LEGEND)


async def show_school(request: Request) -> Response:
    """Show the details of a school."""
    site, before = site_of(request), request.query_params.get("before", "")
    question = site.question(request, AskSchool, **request.path_params, before=row_number(before))
    reply = await site.inside.reply(question, SchoolTold)
    return site.page(request, "school.html", reply.me, seen=reply.said, signs=SIGNS)


async def show_agreement(request: Request) -> Response:
    """Show the agreement beside its rules, and the ratifications."""
    site = site_of(request)
    reply = await site.inside.reply(site.question(request, AskAgreement), AgreementSeen)
    return site.page(request, "agreement.html", reply.me, seen=reply.said)


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


async def edit_policies(request: Request) -> Response:
    """Show a file of the policies in force to be edited, or what the edited one would change."""
    form = request.query_params if request.method == "GET" else await site_of(request).form(request)
    return await _edit_page(request, form)


async def _edit_page(request: Request, form: Mapping[str, object], problem: str = "") -> Response:
    site = site_of(request)
    content = _as_edited(form) if request.method == "POST" else None
    question = site.question(request, asked.AskPolicyEdit, file=form.get("file", ""), content=content)
    reply = await site.inside.reply(question, told.PolicyEditSeen)
    return site.page(
        request, "policy_edit.html", reply.me, status=403 if problem else 200, seen=reply.said,
        problem=problem, why=form.get("why", ""), on=form.get("on", ""),
    )  # fmt: skip


def _as_edited(form: Mapping[str, object]) -> str:
    """Return the edited file as it was typed: forms send other ends of lines."""
    given = form.get("content", "")
    return "\n".join(given.splitlines()) + "\n" if isinstance(given, str) else ""


async def propose_policies(request: Request) -> Response:
    """Propose edited policies."""
    site, back = site_of(request), "/agreement/policies"
    form = await site.form(request)
    try:
        on = date.fromisoformat(text(form, "on")) if text(form, "on") else None
    except ValueError:
        return await _edit_page(request, form, "Write the day like 2026-11-24.")
    question = site.question(
        request, asked.ProposePolicies, assertion=signed(form), file=text(form, "file"),
        content=_as_edited(form), on=on, why=text(form, "why"),
    )  # fmt: skip
    reply = await act_for(request, form, question, Done, "propose these policies", back)
    if isinstance(reply, DeclinedInside):
        return await _edit_page(request, form, str(reply))
    if isinstance(reply, Response):
        return reply
    return site.see_said(back, reply.said.sentence)


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


_MOST_BYTES = 256 * 1024
"""Octets read of a receipt to be verified: none is as long."""


async def show_evidence(request: Request) -> Response:
    """Show the openings of files, the newest log head, and a form to check receipts."""
    site, before = site_of(request), request.query_params.get("before", "")
    question = site.question(request, AskOpenings, before=row_number(before))
    reply = await site.inside.reply(question, OpeningsSeen)
    first = row_number(request.query_params.get("first", "")) or 1
    return site.page(request, "evidence.html", reply.me, seen=reply.said, first=first)


async def verify_receipt(request: Request) -> Response:
    """Show if a pasted or uploaded receipt is genuine; verification happens inside."""
    site = site_of(request)
    form = await site.form(request)
    given = form.get("receipt")
    pasted = form.get("text")
    told = pasted if isinstance(pasted, str) else ""
    if given is not None and not isinstance(given, str) and given.size:
        told = (await given.read(_MOST_BYTES)).decode("utf-8", "replace")
    await form.close()
    question = site.question(request, VerifyReceipt, text=told[:_MOST_BYTES])
    reply = await site.inside.reply(question, ReceiptVerified)
    return site.page(request, "receipt.html", reply.me, seen=reply.said)


async def show_held(_request: Request) -> Response:
    """Lead to the list of held files, from where it was before."""
    return see("/work/held/list")


async def show_held_file(request: Request) -> Response:
    """Show the details of a held file; of one that waits no longer, lead to all that is on record."""
    site = site_of(request)
    question = site.question(request, AskHeldFile, **request.path_params)
    try:
        reply = await site.inside.reply(question, HeldTold)
    except DeclinedInside as declined:
        if declined.status not in _NOT_HELD or "look" not in (await me_of(request)).may:
            raise
        return see("/work/transfers/show", **request.path_params)
    return site.page(request, "held_file.html", reply.me, seen=reply.said)
