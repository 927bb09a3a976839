"""Enrol and confirm keys of schools: forms, each an act needing confirmation."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from gateway.console.acting import act, signed
from gateway.console.entering import site_of
from gateway.console.site import see, text
from gateway.zones.hatch import school_acts as asked


class _Change(NamedTuple):
    """A kind of act on a school: the words for people, and a function reading its fields from the form."""

    kind: type[asked.OfSchool]
    words: str
    parts: Callable[[FormData], dict[str, object]]


_CHANGES = {
    "add-key": _Change(asked.AddKey, "enrol a key of", lambda form: {"key": text(form, "key")}),
    "confirm-key": _Change(
        asked.ConfirmKey,
        "put in force the key that was read out by",
        lambda form: {"read_out": text(form, "read_out")},
    ),
}


async def change_school(request: Request) -> Response:
    """Carry out the change chosen by the pressed button on a school."""
    site, provider = site_of(request), request.path_params["provider"]
    form = await site.form(request)
    done, back = text(form, "do"), f"/schools/{provider}"
    change = _CHANGES.get(done)
    if change is None:
        return see(back)
    question = site.question(
        request,
        change.kind,
        assertion=signed(form),
        provider=provider,
        why=text(form, "why"),
        **change.parts(form),
    )
    return await act(request, form, question, f"{change.words} {provider}", back)
