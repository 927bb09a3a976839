"""Pages of the matrix of schools, of each school, and of the agreement."""

from datetime import UTC, date, datetime

from starlette.requests import Request
from starlette.responses import Response

from gateway.console.charts import time_line_of
from gateway.console.entering import site_of
from gateway.zones.hatch.questions import AskAgreement, AskSchool, AskSchools
from gateway.zones.hatch.school_answers import AgreementSeen, SchoolsSeen, SchoolTold

SIGNS = {
    "on-time": ("✓", "on time", "green"),
    "early": ("✓", "early", "green"),
    "received": ("✓", "received", "green"),
    "nil": ("∅", "nothing to send", "green"),
    "late": ("◐", "late", "yellow"),
    "due": ("…", "due now", "blue"),
    "missing": ("✗", "missing", "red"),
    "not-due": ("·", "not due", ""),
    "not-expected": ("-", "not expected", ""),
    "no-calendar": ("?", "no calendar", "yellow"),
}
"""The display of each state: a sign, words, and a colour adding no information."""


async def show_schools(request: Request) -> Response:
    """Show a page of the matrix, for any day."""
    site, query = site_of(request), request.query_params
    page = query.get("page", "")
    question = site.question(
        request,
        AskSchools,
        on=_day(query.get("on", "")),
        page=int(page) if page.isdecimal() else 0,
        late=query.get("late") == "yes",
    )
    reply = await site.inside.reply(question, SchoolsSeen)
    return site.page(request, "schools.html", reply.me, seen=reply.said, signs=SIGNS)


async def show_school(request: Request) -> Response:
    """Show the details of a school."""
    site, before = site_of(request), request.query_params.get("before", "")
    question = site.question(
        request, AskSchool, **request.path_params, before=int(before) if before.isdecimal() else None
    )
    reply = await site.inside.reply(question, SchoolTold)
    line = time_line_of(reply.said.keys, datetime.now(UTC))
    return site.page(request, "school.html", reply.me, seen=reply.said, signs=SIGNS, line=line)


def _day(text: str) -> date | None:
    """Return a day from a form field; None if empty. ValueError if malformed."""
    return date.fromisoformat(text) if text else None


async def show_agreement(request: Request) -> Response:
    """Show the agreement beside its rules, and the ratifications."""
    site = site_of(request)
    reply = await site.inside.reply(site.question(request, AskAgreement), AgreementSeen)
    return site.page(request, "agreement.html", reply.me, seen=reply.said)
