"""Pages of acts that have none of their own: a list of them, a form for each, and the answer."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gateway.console.acting import act_for, signed
from gateway.console.entering import site_of
from gateway.console.site import Site
from gateway.zones.hatch.act_questions import (
    ActAnswered,
    ActsTold,
    ActTold,
    AskActs,
    CarryOutAct,
    Cell,
    Given,
    TableTold,
)
from gateway.zones.hatch.answers import Me

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


async def show_acts(request: Request) -> Response:
    """List the acts that the person may carry out, by noun."""
    site = site_of(request)
    reply = await site.inside.reply(site.question(request, AskActs), ActsTold)
    nouns: dict[str, list[ActTold]] = {}
    for act in reply.said.acts:
        nouns.setdefault(act.command.rpartition(" ")[0], []).append(act)
    return site.page(request, "acts.html", reply.me, nouns=nouns)


async def show_act(request: Request) -> Response:
    """Show the form of an act; what only reads and needs no field is answered at once."""
    site, act, me = await _act(request)
    given = _given(act, request.query_params.multi_items())
    asked = act.reads and (bool(request.query_params) or not any(field.required for field in act.fields))
    answer = None
    if asked:
        question = site.question(request, CarryOutAct, act=act.command, fields=given)
        answer = (await site.inside.reply(question, ActAnswered)).said
        if answer.table is not None and "csv" in request.query_params:
            return _csv(answer.table, act)
    return site.page(request, "act.html", me, act=act, answer=answer, given=given)


async def carry_out(request: Request) -> Response:
    """Carry out the act of a form."""
    site, act, me = await _act(request)
    form = await site.form(request)
    given = _given(act, [(name, value) for name, value in form.multi_items() if isinstance(value, str)])
    question = site.question(request, CarryOutAct, act=act.command, fields=given, assertion=signed(form))
    here = request.url.path
    reply = await act_for(request, form, question, ActAnswered, f"carry out “{act.command}”", here)
    if isinstance(reply, Response):
        return reply
    return site.page(request, "act.html", me, act=act, answer=reply.said, given={})


async def _act(request: Request) -> tuple[Site, ActTold, Me]:
    site = site_of(request)
    reply = await site.inside.reply(site.question(request, AskActs), ActsTold)
    command = f"{request.path_params['noun'].replace('.', ' ')} {request.path_params['verb']}"
    for act in reply.said.acts:
        if act.command == command:
            return site, act, reply.me
    raise HTTPException(404)


def _given(act: ActTold, items: Iterable[tuple[str, str]]) -> dict[str, Given]:
    """Take the fields of an act from a form; what is left empty is not given."""
    said: dict[str, list[str]] = {}
    for name, value in items:
        said.setdefault(name, []).append(value.strip())
    given: dict[str, Given] = {}
    for field in act.fields:
        values = [value for value in said.get(field.name, []) if value]
        if field.kind == "yes-no":
            given[field.name] = values == ["yes"]
        elif values and field.several:
            given[field.name] = tuple(line for value in values for line in value.splitlines() if line.strip())
        elif values:
            given[field.name] = values[0]
    return given


def _csv(table: TableTold, act: ActTold) -> Response:
    """Give a table to a spreadsheet; no cell is taken for a formula."""
    written = io.StringIO()
    headings = [column.replace("_", " ") for column in table.columns]
    csv.writer(written).writerows([headings, *([_cell(value) for value in row] for row in table.rows)])
    name = f"{act.command.replace(' ', '-')}.csv"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(written.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    said = str(value)
    return f"'{said}" if said.startswith(_FORMULA) else said
