"""Acts of weight: sent once as a form, and once more with what the person's passkey signed for it."""

from __future__ import annotations

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from gateway.console.entering import site_of
from gateway.console.inside import DeclinedInside
from gateway.console.site import text
from gateway.zones.hatch import WeightyAct
from gateway.zones.hatch.answers import Done, Me, MeSeen
from gateway.zones.hatch.questions import AskMe

_OURS = frozenset({"token", "credential"})
_TO_SIGN = 409


def signed(form: FormData) -> str | None:
    """What the passkey signed, if it has."""
    return text(form, "credential") or None


async def act(request: Request, form: FormData, question: WeightyAct, what: str, back: str) -> Response:
    """Do it, or ask for the passkey first. `what` it is, in words; `back` is where one came from."""
    site = site_of(request)
    try:
        reply = await site.inside.reply(question, Done)
    except DeclinedInside as declined:
        if declined.status not in {_TO_SIGN, 403, 404}:
            raise
        me = await me_of(request)
        if declined.status == _TO_SIGN:
            fields = [(name, value) for name, value in form.multi_items() if name not in _OURS]
            return site.page(
                request, "confirm.html", me, what=what, fields=fields, options=declined.options, back=back
            )
        return site.page(
            request, "declined.html", me, status=declined.status, problem=str(declined), back=back
        )
    return site.page(request, "done.html", reply.me, sentence=reply.said.sentence, back=back)


async def me_of(request: Request) -> Me:
    """Who is logged in."""
    site = site_of(request)
    return (await site.inside.reply(site.question(request, AskMe), MeSeen)).me
