"""Acts needing confirmation: the form is sent once, and again with the passkey's signature."""

import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from gateway.console.entering import shown, site_of
from gateway.console.inside import DeclinedInside, Reply
from gateway.console.site import text
from gateway.home.settings_file import File
from gateway.zones.console_api import WeightyAct
from gateway.zones.console_api.act_questions import ActTold, FieldTold
from gateway.zones.console_api.answers import Done, Me
from gateway.zones.console_api.questions import Given

_OPTION = re.compile(r"(--[a-z]+(?:-[a-z]+)*)(?: [A-Z_]{2,}\b)?")


def in_words_of_forms(sentence: str, fields: Sequence[FieldTold]) -> str:
    """Return a sentence with labels of fields in the place of the options of commands."""
    labels = {}
    for one in fields:
        labels[f"--{one.name.rstrip('_').replace('_', '-')}"] = one.label
    return _OPTION.sub(lambda found: f"“{labels[found[1]]}”" if found[1] in labels else found[0], sentence)


def in_words(act: ActTold, given: Mapping[str, Given]) -> tuple[tuple[str, str], ...]:
    """Return what was given to an act: labels and values, with names beside ids. Files are not repeated."""
    told = []
    for field in act.fields:
        value = given.get(field.name)
        if not value:
            continue
        names = {one.id: one.name for one in field.known}
        values = value if isinstance(value, tuple) else (str(value),)
        shown = (f"{names[one]} ({one})" if names.get(one, one) != one else one for one in values)
        marked = {"file": "a file", "yes-no": "yes"}.get(field.kind)
        told.append((field.label, marked or ", ".join(shown)))
    return tuple(told)


A = TypeVar("A", bound=File)
_OURS = frozenset({"token", "credential"})
_TO_SIGN = 409


def signed(form: FormData) -> str | None:
    """Return the passkey's signature (JSON), if any."""
    return text(form, "credential") or None


async def act(request: Request, form: FormData, question: WeightyAct, what: str, back: str) -> Response:
    """Carry out an act, or ask for the passkey first. `back` is the page to land on."""
    reply = await act_for(request, form, question, Done, what, back)
    if isinstance(reply, DeclinedInside):
        me = await me_of(request)
        return site_of(request).page(
            request, "declined.html", me, status=reply.status, problem=str(reply), back=back
        )
    if isinstance(reply, Response):
        return reply
    return site_of(request).see_said(back, reply.said.sentence)


async def act_for(  # noqa: PLR0917 - as `act`, with the answer's type
    request: Request,
    form: FormData,
    question: WeightyAct,
    kind: type[A],
    what: str,
    back: str,
    given: Sequence[tuple[str, str]] = (),
) -> Reply[A] | Response | DeclinedInside:
    """Return an act's answer, or the page asking for the passkey for what was `given`, or the refusal."""
    site = site_of(request)
    try:
        return await site.inside.reply(question, kind)
    except DeclinedInside as declined:
        if declined.status not in {_TO_SIGN, 403, 404}:
            raise
        if declined.status != _TO_SIGN:
            return declined
        fields = [(name, value) for name, value in form.multi_items() if name not in _OURS]
        return site.page(
            request,
            "confirm.html",
            await me_of(request),
            what=what,
            effect=str(declined),
            given=given,
            fields=fields,
            options=declined.options,
            again=declined.again,
            back=back,
        )


async def me_of(request: Request) -> Me:
    """Return the logged-in person."""
    return (await shown(request, "me")).me
