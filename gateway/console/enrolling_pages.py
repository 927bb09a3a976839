"""Schools are enrolled, imported and changed: forms, each an act of weight."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import NamedTuple

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from gateway.console.acting import act, me_of, signed
from gateway.console.entering import site_of
from gateway.console.site import see, text
from gateway.zones.hatch import school_acts as asked
from gateway.zones.hatch.school_answers import ListTried

_COLUMNS = ("id", "name", "kind", "dfe_number", "urn", "role", "email", "telephone")


async def show_enrolling(request: Request) -> Response:
    """Where a provider is enrolled, or a list of them is taken in."""
    return site_of(request).page(request, "enrol.html", await me_of(request))


async def try_import(request: Request) -> Response:
    """What would come of a list that was chosen; the form below it takes it in."""
    site = site_of(request)
    form = await site.form(request)
    given = form.get("list")
    if given is None or isinstance(given, str) or not given.size:
        return see("/enrol")
    data = await given.read(asked.MOST_OF_A_LIST)
    await form.close()
    question = site.question(request, asked.TryImport, text=_decoded(data))
    reply = await site.inside.reply(question, ListTried)
    return site.page(request, "import.html", reply.me, seen=reply.said, text=_list_of(reply.said))


async def import_list(request: Request) -> Response:
    """Take a list in that was tried before."""
    site = site_of(request)
    form = await site.form(request)
    question = site.question(request, asked.ImportSchools, assertion=signed(form), text=text(form, "text"))
    return await act(request, form, question, "take in the list of providers", "/enrol")


class _Change(NamedTuple):
    """A kind of act on a school: its words, and what of the form belongs to it."""

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
    """Do to a school what the button says that was pressed."""
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


def _decoded(data: bytes) -> str:
    """A list as text. The public extract of GIAS is in Windows-1252."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _list_of(tried: ListTried) -> str:
    """The list again, of what was read of it alone: short enough for a form."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(_COLUMNS)
    writer.writerows([getattr(line, column) or "" for column in _COLUMNS] for line in tried.lines)
    return written.getvalue()
