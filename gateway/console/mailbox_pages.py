"""Pages of today, and of the mailboxes of a person's teams."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import date
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from gateway.console.entering import shown, site_of
from gateway.console.inside import DeclinedInside
from gateway.console.pages import act
from gateway.console.site import SAID, Site, first_row, see, text
from gateway.zones.console_api import ConsoleQuestion

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

_MOST = 100
_HEIGHT, _STEP = 120, 40
_KINDS = ("accepted", "held", "refused", "waiting")
"""The parts of a column of the chart, from below."""
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
}
"""The page of each task on the first page."""


async def show_today(request: Request) -> Response:
    """Show the first page: tasks that wait for the person, and a chart of the last days' files."""
    reply = await shown(request, "today")
    days = [{**one, "on": date.fromisoformat(one["on"])} for one in reply.said["days"] or ()]
    chart = _chart_of(days) if days else None
    return site_of(request).page(
        request, "today.html", reply.me, seen=reply.said, days=days, chart=chart, where=_WHERE
    )


def _chart_of(days: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the drawing of a chart: a column for each day, stacked by outcome, first day on the left.

    `most` is the count of the tallest column. Places and sizes are in units of the picture.
    """
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
    return {"step": _STEP, "height": _HEIGHT, "most": most, "columns": columns}


async def show_mailbox(request: Request) -> Response:
    """Show a page of a team's files."""
    query, reply = (
        request.query_params,
        await shown(request, "mailbox", *_FILTERS, "new", "removed", "before"),
    )
    seen = reply.said
    kept = {name: value for name, value in query.items() if name not in {"before", "first", "done"} and value}
    chosen = {name: kept[name] for name in (*_FILTERS, "new") if name in kept}
    further = {**kept, "before": seen["next"], "first": first_row(request) + len(seen["files"])}
    narrowed = chosen and not seen["asked"]["removed"]
    return site_of(request).page(
        request,
        "mailbox.html",
        reply.me,
        seen=seen,
        listing="mailbox list",
        filtered=urlencode({"team": seen["team"]["id"], **chosen}) if narrowed else "",
        further="" if seen["next"] is None else urlencode(further),
    )


async def change_files(request: Request) -> Response:
    """Download the ticked files, mark them as dealt with, or put them back."""
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
        async with AsyncExitStack() as stack:
            given = await stack.enter_async_context(site.inside.collected(asked[0]))
            ending = stack.pop_all()
        response = _attachment(
            given.aiter_bytes(), given.headers["x-gateway-name"], "application/octet-stream"
        )
        response.headers["content-length"] = given.headers["content-length"]
        response.background = BackgroundTask(ending.aclose)
        return response
    undo = what == "restore"
    fields = {"team": team, "references": chosen, "undo": undo}
    await site.ask(request, "carry-out", act="mailbox deal-with", fields=fields)
    return site.see_said(here, SAID["restored" if undo else "dealt"])


async def recall(request: Request) -> Response:
    """Recall a file, or ask for a recall."""
    site, reference = site_of(request), request.path_params["reference"]
    form = await site.form(request)
    fields = {"reference": reference, "why": text(form, "why")}
    return await act(request, form, "recall", fields, f"recall {reference}", "/")


def _attachment(pieces: AsyncIterator[bytes], name: str, media_type: str) -> StreamingResponse:
    """Return a download; no browser may show it as a page, since a school's file must not run here."""
    headers = {
        "content-disposition": f'attachment; filename="{name}"',
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    }
    return StreamingResponse(pieces, media_type=media_type, headers=headers)


async def _zipped(site: Site, asked: list[ConsoleQuestion]) -> AsyncIterator[bytes]:
    """Yield a ZIP of files fetched one by one; a text at the end names the files refused."""
    sink, lacking = _Sink(), []
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as whole:
        for one in asked:
            try:
                async with site.inside.collected(one) as given:
                    with whole.open(given.headers["x-gateway-name"], "w", force_zip64=True) as entry:
                        async for piece in given.aiter_bytes():
                            entry.write(piece)
                            yield sink.taken()
            except DeclinedInside as declined:
                lacking.append(f"{one.fields['reference']}: {declined}")
        if lacking:
            whole.writestr("NOT-INCLUDED.txt", "\r\n".join(lacking) + "\r\n")
    yield sink.taken()


class _Sink(io.RawIOBase):
    """A write-only file for a ZIP, whose bytes are taken piece by piece; it cannot seek."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []

    def write(self, data: Buffer) -> int:
        """Store the written bytes."""
        self._pieces.append(bytes(data))
        return len(self._pieces[-1])

    def taken(self) -> bytes:
        """Return and clear the bytes written since the last call."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)
