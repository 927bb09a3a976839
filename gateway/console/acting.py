"""Acts that need confirmation: the form is sent once, and again with the passkey's signature."""

import re
from collections.abc import Mapping, Sequence

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from gateway.console.entering import shown, site_of
from gateway.console.inside import DeclinedInside, Reply
from gateway.console.site import text
from gateway.zones.console_api import Given, Shown

_OPTION = re.compile(r"(--[a-z]+(?:-[a-z]+)*)(?: [A-Z_]{2,}\b)?")


def in_words_of_forms(sentence: str, fields: Sequence[Shown]) -> str:
    """Return a sentence with labels of fields in place of command-line options."""
    labels = {f"--{one['name'].rstrip('_').replace('_', '-')}": one["label"] for one in fields}
    return _OPTION.sub(lambda found: f"“{labels[found[1]]}”" if found[1] in labels else found[0], sentence)


def in_words(act: Shown, given: Mapping[str, Given]) -> tuple[tuple[str, str], ...]:
    """Return the labels and values given for an act, with names beside ids; files are left out."""
    told = []
    for field in act["fields"]:
        value = given.get(field["name"])
        if not value:
            continue
        names = {one["id"]: one["name"] for one in field["known"]}
        values = value if isinstance(value, tuple) else (str(value),)
        shown = (f"{names[one]} ({one})" if names.get(one, one) != one else one for one in values)
        marked = {"file": "a file", "yes-no": "yes"}.get(field["kind"])
        told.append((field["label"], marked or ", ".join(shown)))
    return tuple(told)


_OURS = frozenset({"token", "credential"})
_TO_SIGN = 409


def sentence_of(declined: DeclinedInside) -> str:
    """Return a refusal as one sentence, without naming the wrong fields."""
    return "; ".join(declined.fields.values()) or str(declined)


async def act(  # noqa: PLR0917 - the act, and what its page says
    request: Request, form: FormData, command: str, fields: Mapping[str, Given], what: str, back: str
) -> Response:
    """Carry out an act, or ask for the passkey first. `back` is the page to show afterwards."""
    reply = await act_for(request, form, command, fields, what, back)
    if isinstance(reply, DeclinedInside):
        me = await me_of(request)
        return site_of(request).page(
            request, "declined.html", me, status=reply.status, problem=sentence_of(reply), back=back
        )
    if isinstance(reply, Response):
        return reply
    return site_of(request).see_said(back, reply.said["sentence"])


async def act_for(  # noqa: PLR0917 - as `act`, with what was given
    request: Request,
    form: FormData,
    command: str,
    fields: Mapping[str, Given],
    what: str,
    back: str,
    given: Sequence[tuple[str, str]] = (),
) -> Reply | Response | DeclinedInside:
    """Carry out an act; return its answer, or a page asking for the passkey, or the refusal."""
    site = site_of(request)
    signature = text(form, "credential") or None
    try:
        return await site.ask(request, "carry-out", act=command, fields=dict(fields), assertion=signature)
    except DeclinedInside as declined:
        if declined.status not in {_TO_SIGN, 403, 404}:
            raise
        if declined.status != _TO_SIGN:
            return declined
        typed = [(name, value) for name, value in form.multi_items() if name not in _OURS]
        return site.page(
            request,
            "confirm.html",
            await me_of(request),
            what=what,
            effect=str(declined),
            given=given,
            fields=typed,
            options=declined.options,
            again=declined.again,
            back=back,
        )


async def me_of(request: Request) -> Shown:
    """Return the logged-in person who sent a request, with rights. DeclinedInside without a login."""
    return (await shown(request, "me")).me
