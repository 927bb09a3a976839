"""Show the pages with templates of their own; have a person confirm an act by a passkey's signature."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import date
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.background import BackgroundTask
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from gateway.console.entering import shown, site_of
from gateway.console.inside import DeclinedInside, Reply
from gateway.console.site import Site, first_row, see, text
from gateway.zones.console_api import ConsoleQuestion, Given, Shown

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

_MOST = 100
_HEIGHT, _STEP = 120, 40
_KINDS = ("accepted", "held", "refused", "waiting")
"""The outcomes stacked in a column of the chart, from the bottom."""
_FILTERS = ("provider", "data_type", "period")
_WHERE = {
    "held": "/work/held/list?where=waits_for%3Da+person&sort=landed_at",
    "mine": "/work/held/list?mine=yes",
    "held-file": "/held/",
    "recall": "#recall-",
    "chase": "/work/letters/chase",
    "school": "/schools/",
    "schools": "/schools?late=yes",
    "policies": "/agreement/policies",
    "notices": "/work/notices/list",
    "hand-ons": "/work/handon/list",
    "hooks": "/work/hooks/list",
    "file": "/work/transfers/show?reference=",
    "act": "/work",
    "watch": "/watch",
}
"""The page of each task on the first page."""
_OPTION = re.compile(r"(--[a-z]+(?:-[a-z]+)*)(?: [A-Z_]{2,}\b)?")
_OURS = frozenset({"token", "credential"})
_TO_SIGN = 409
ANSWERED = frozenset({403, 404})
"""The HTTP statuses of refusals to be shown on the page itself."""
_MOST_BYTES = 256 * 1024
"""The most octets read of a receipt to be verified; real receipts are shorter."""
_PARTS = {
    "held release": "release-", "held return": "return-", "held refuse": "refuse-", "held assign": "pass-",
    "held note": "pass-", "held confirm": "second-", "held decline": "second-", "headings say": "heading-",
    "transfers redeliver": "recalled-", "transfers confirm": "recalled-", "transfers decline": "recalled-",
}  # fmt: skip
"""The part of a held file's page with the form of an act: the beginning of the ids of its fields."""


def in_words_of_forms(sentence: str, fields: Sequence[Shown]) -> str:
    """Return a sentence with each command-line option, such as --team, replaced by the label in the form."""
    labels = {f"--{one['name'].rstrip('_').replace('_', '-')}": one["label"] for one in fields}
    return _OPTION.sub(lambda found: f"“{labels[found[1]]}”" if found[1] in labels else found[0], sentence)


def in_words(act: Shown, given: Mapping[str, Given]) -> tuple[tuple[str, str], ...]:
    """Return (label, value) of each field given for an act, with names beside ids, "a file" for a file."""
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


async def act(  # noqa: PLR0917 - the act, and what its page says
    request: Request, form: FormData, command: str, fields: Mapping[str, Given], what: str, back: str,
    given: Sequence[tuple[str, str]] = (), again: Callable[[str], Awaitable[Response]] | None = None,
) -> Response:  # fmt: skip
    """Carry out an act and redirect to `back`, or show a page that asks for the passkey, or the refusal.
    `command` and `fields`: the act. `what`: the act in words. `given`: as in `act_for`. `again`: a function
    that shows the form again with the sentence of a refusal; None for a page of the refusal alone.
    """
    reply = await act_for(request, form, command, fields, what, back, given)
    if isinstance(reply, Response):
        return reply
    if isinstance(reply, Reply):
        return site_of(request).see_said(back, reply.said["sentence"])
    problem = "; ".join(reply.fields.values()) or str(reply)
    if again is not None:
        return await again(problem)
    return site_of(request).page(
        request, "declined.html", await me_of(request), status=reply.status, problem=problem, back=back
    )


async def act_for(  # noqa: PLR0917 - as `act`, with what was given
    request: Request,
    form: FormData,
    command: str,
    fields: Mapping[str, Given],
    what: str,
    back: str,
    given: Sequence[tuple[str, str]] = (),
) -> Reply | Response | DeclinedInside:
    """Carry out an act; return the answer, the refusal, or a page that asks for the passkey.
    The page shows the act in words (`what`) and pairs of label and value (`given`), with a link to `back`.
    """
    site = site_of(request)
    signature = text(form, "credential") or None
    try:
        return await site.ask(request, "carry-out", act=command, fields=dict(fields), assertion=signature)
    except DeclinedInside as declined:
        if declined.status in ANSWERED:
            return declined
        if declined.status != _TO_SIGN:
            raise
        typed = [(name, value) for name, value in form.multi_items() if name not in _OURS]
        return site.page(
            request, "confirm.html", await me_of(request), what=what, effect=str(declined), given=given,
            fields=typed, options=declined.options, again=declined.again, back=back,
        )  # fmt: skip


async def me_of(request: Request) -> Shown:
    """Return name, teams and rights of the logged-in person. DeclinedInside if nobody is logged in."""
    return (await shown(request, "me")).me


async def edit_policies(
    request: Request, form: Mapping[str, object] | None = None, problem: str = ""
) -> Response:
    """Show a form for editing a policy file; if edited, show the consequences of the edit.
    `form`: the edited form; None for the form in the request. `problem`: the sentence of a refusal.
    """
    if form is None:
        form = await site_of(request).form(request) if request.method == "POST" else {}
    site = site_of(request)
    edited = {"file": str(form.get("file", "")), "content": _as_edited(form)} if form else {}
    reply = await shown(request, "policy-edit", "file", **edited)
    return site.page(
        request, "policy_edit.html", reply.me, status=403 if problem else 200, seen=reply.said,
        problem=problem, why=form.get("why", ""), on=form.get("on", ""),
    )  # fmt: skip


def _as_edited(form: Mapping[str, object]) -> str:
    """Return the edited text of a policy file with LF at line ends, as browsers send CRLF in forms."""
    given = form.get("content", "")
    return "\n".join(given.splitlines()) + "\n" if isinstance(given, str) else ""


async def propose_policies(request: Request) -> Response:
    """Propose a policy file as edited in a form. If the inside refuses, show the form again."""
    back, form = "/agreement/policies", await site_of(request).form(request)
    fields = {"file": text(form, "file"), "content": _as_edited(form), "why": text(form, "why")}
    if on := text(form, "on"):
        fields["on"] = on
    what, again = "propose these policies", partial(edit_policies, request, form)
    return await act(request, form, "policies propose", fields, what, back, again=again)


async def decide_policies(request: Request) -> Response:
    """Approve proposed policies as a second person, or withdraw the proposal."""
    back, form = "/agreement/policies", await site_of(request).form(request)
    match text(form, "do"):
        case "approve":
            what, fields = "let the proposed policies decide", {"digest": text(form, "digest")}
            return await act(request, form, "policies approve", fields, what, back)
        case "withdraw":
            what, fields = "take the proposed policies back", {"why": text(form, "why")}
            return await act(request, form, "policies withdraw", fields, what, back)
    return see(back)


async def verify_receipt(request: Request) -> Response:
    """Have the inside verify a pasted or uploaded receipt, and show the result."""
    site = site_of(request)
    form = await site.form(request)
    given = form.get("receipt")
    pasted = form.get("text")
    told = pasted if isinstance(pasted, str) else ""
    if given is not None and not isinstance(given, str) and given.size:
        told = (await given.read(_MOST_BYTES)).decode("utf-8", "replace")
    await form.close()
    reply = await shown(request, "receipt", text=told[:_MOST_BYTES])
    return site.page(request, "receipt.html", reply.me, seen=reply.said)


async def show_held_file(request: Request) -> Response:
    """Show the page of a held file. If the file is no longer held, redirect to the page of the transfer."""
    try:
        return await held_page(request, request.path_params["reference"])
    except DeclinedInside as declined:
        if declined.status not in ANSWERED or "look" not in (await me_of(request))["may"]:
            raise
        return see("/work/transfers/show", **request.path_params)


async def held_page(
    request: Request,
    reference: str,
    *,
    command: str = "",
    given: Mapping[str, Given] = MappingProxyType({}),
    problems: Mapping[str, str] = MappingProxyType({}),
    status: int = 200,
) -> Response:
    """Show a held file. After a refused act (`command`), show the form with the values given.
    `problems`: the sentences of the refusal by field. `status`: the HTTP status of the page.
    """
    reply, part = await shown(request, "held-file", reference=reference), _PARTS.get(command, "")
    return site_of(request).page(
        request, "held_file.html", reply.me, status=status, seen=reply.said, here=f"/held/{reference}",
        part=part,
        typed={f"{part}{name}": value for name, value in given.items()},
        problem={f"{part}{name}" if name else "": said for name, said in problems.items()},
    )  # fmt: skip


async def show_today(request: Request) -> Response:
    """Show the start page: tasks that wait for the person, and a chart of the files of the last days."""
    reply = await shown(request, "today")
    days = [{**one, "on": date.fromisoformat(one["on"])} for one in reply.said["days"] or ()]
    # A column for each day, stacked by outcome, first day on the left; `most` is the count of the tallest.
    # Places and sizes are in units of the picture.
    most = max((sum(day[kind] for kind in _KINDS) for day in days), default=0)
    columns = []
    for place, day in enumerate(days):
        y, bars = float(_HEIGHT), []
        for kind in _KINDS:
            height = day[kind] * _HEIGHT / most if most else 0.0
            y -= height
            if day[kind]:
                x = place * _STEP + 6
                bars.append({"kind": kind, "x": x, "y": round(y, 2), "height": round(height, 2)})
        count = sum(day[kind] for kind in _KINDS)
        columns.append({"on": day["on"], "x": place * _STEP, "count": count, "bars": bars})
    chart = {"step": _STEP, "height": _HEIGHT, "most": most, "columns": columns} if days else None
    return site_of(request).page(
        request, "today.html", reply.me, seen=reply.said, days=days, chart=chart, where=_WHERE
    )


async def show_mailbox(request: Request) -> Response:
    """Show one page of the files in a team's mailbox."""
    reply = await shown(request, "mailbox", *_FILTERS, "new", "removed", "before")
    seen, query = reply.said, request.query_params
    kept = {name: value for name, value in query.items() if name not in {"before", "first"} and value}
    chosen = {name: kept[name] for name in (*_FILTERS, "new") if name in kept}
    further = {**kept, "before": seen["next"], "first": first_row(request) + len(seen["files"])}
    narrowed = chosen and not seen["asked"]["removed"]
    return site_of(request).page(
        request, "mailbox.html", reply.me, seen=seen, listing="mailbox list",
        filtered=urlencode({"team": seen["team"]["id"], **chosen}) if narrowed else "",
        further="" if seen["next"] is None else urlencode(further),
    )  # fmt: skip


async def change_files(request: Request) -> Response:
    """Download the ticked files of a mailbox, mark the files as dealt with, or put the files back."""
    site, team = site_of(request), request.path_params["team"]
    form = await site.form(request)
    chosen = tuple(str(each) for each in form.getlist("reference"))[:_MOST]
    what, back = text(form, "do"), text(form, "back")
    keeps = what != "restore" and back.startswith(f"/mailboxes/{team}?")
    here = back if keeps else f"/mailboxes/{team}"
    if not chosen:
        return see(here)
    if what == "download":
        # One file as it is, or several in a ZIP, each recorded before its first byte leaves.
        asked = [site.question(request, team=team, reference=each) for each in chosen]
        if len(asked) > 1:
            return _attachment(_zipped(site, asked), f"{team}.zip", "application/zip")
        return await collected(site, asked[0])
    undo = what == "restore"
    fields = {"team": team, "references": chosen, "undo": undo}
    await site.ask(request, "carry-out", act="mailbox deal-with", fields=fields)
    dealt = "Marked as dealt with. For 30 days you can put it back from “Dealt with”."
    return site.see_said(here, "Put back into the mailbox." if undo else dealt)


async def recall(request: Request) -> Response:
    """Withdraw a delivered file. If the person lacks the right, ask people with the right to withdraw."""
    site, reference = site_of(request), request.path_params["reference"]
    form = await site.form(request)
    fields, what = {"reference": reference, "why": text(form, "why")}, f"recall {reference}"
    return await act(request, form, "recall", fields, what, "/", [("why", fields["why"])])


async def collected(site: Site, question: ConsoleQuestion) -> Response:
    """Return a file to be saved. The inside records the collection before sending the first byte."""
    async with AsyncExitStack() as stack:
        given = await stack.enter_async_context(site.inside.collected(question))
        ending = stack.pop_all()
    name, kind = given.headers["x-gateway-name"], "application/octet-stream"
    response = _attachment(given.aiter_bytes(), name, kind)
    response.headers["content-length"] = given.headers["content-length"]
    response.background = BackgroundTask(ending.aclose)
    return response


def _attachment(pieces: AsyncIterator[bytes], name: str, media_type: str) -> StreamingResponse:
    """Return a response to be saved as a file. Its headers forbid browsers to show or run the content."""
    headers = {
        "content-disposition": f'attachment; filename="{name}"',
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    }
    return StreamingResponse(pieces, media_type=media_type, headers=headers)


async def _zipped(site: Site, asked: list[ConsoleQuestion]) -> AsyncIterator[bytes]:
    """Yield a ZIP of files fetched one by one; a text at the end names the files refused, or cut short."""
    sink, lacking = _Sink(), []
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as whole:
        for one in asked:
            cut = ""
            try:
                async with site.inside.collected(one) as given:
                    name = given.headers["x-gateway-name"]
                    with whole.open(name, "w", force_zip64=True) as entry:
                        cut = f"{name} is NOT WHOLE here: delete it, and download it again. "
                        async for piece in given.aiter_bytes():
                            entry.write(piece)
                            yield sink.taken()
            except DeclinedInside as declined:
                lacking.append(f"{one.fields['reference']}: {cut}{declined}")
        if lacking:
            whole.writestr("NOT-INCLUDED.txt", "\r\n".join(lacking) + "\r\n")
    yield sink.taken()


class _Sink(io.RawIOBase):
    """A write-only file that keeps written bytes until taken, for making a ZIP piece by piece."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []

    def write(self, data: Buffer) -> int:
        """Store the written bytes."""
        self._pieces.append(bytes(data))
        return len(self._pieces[-1])

    def taken(self) -> bytes:
        """Return the bytes written since the last call, and forget the bytes."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)
