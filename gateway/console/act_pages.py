"""Make pages from the declarations of acts: the list of acts, a form for each act, and the answer."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple
from urllib.parse import quote, urlencode

from starlette.datastructures import FormData, QueryParams, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gateway.console.entering import site_of
from gateway.console.inside import DeclinedInside
from gateway.console.pages import ANSWERED, act_for, held_page, in_words, in_words_of_forms
from gateway.console.site import MOST_OF_A_PART, is_ours, see, text
from gateway.words import inert
from gateway.zones.console_api import PAGE, Given, Shown
from gateway.zones.http_paths import personal_in

_LEADS = {"file": "/work/transfers/show?reference=", "held-file": "/held/", "school": "/schools/"}
"""The beginning of the address of the page about a value, by the kind of page that a list names."""
_PASSING = frozenset({"after", "all", "file"})
"""Query parameters of a list's address that do not belong to its filter."""
_OFTEN = (
    "providers add", "keys confirm", "letters chase", "flows nil", "staff add", "staff invite",
    "transfers withdraw", "report review",
)  # fmt: skip
"""The tasks of most days, the most usual first."""
SPREADSHEETS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""The media type of each kind of file."""
Asked = FormData | QueryParams


async def show_acts(request: Request) -> Response:
    """Show the acts open to the person, under headings; after a search, acts with all the words given."""
    site, find = site_of(request), request.query_params.get("find", "").strip()
    reply = await site.ask(request, "acts")
    words = find.casefold().split()
    searched = ("title", "about", "command", "area")
    told = ((act, " ".join(act[name] for name in searched).casefold()) for act in reply.said["acts"])
    found = [act for act, said in told if all(word in said for word in words)]
    return site.page(
        request, "acts.html", reply.me, find=find, found=len(found),
        areas={area: [*acts] for area, acts in groupby(found, key=itemgetter("area"))},
        often=[act for command in _OFTEN for act in found if act["command"] == command],
    )  # fmt: skip


async def show_act(request: Request) -> Response:
    """Show the form of an act, or the answer if the act only reads and has its fields or requires none."""
    page, query = await _page_of(request), request.query_params
    if _personal(page.act, query.multi_items()):
        raise HTTPException(400)  # An address is kept in histories and logs.
    if page.act["reads"] and (bool(query) or not _required(page.act)):
        return await _answer(page, query)
    return _shown(page, None, given=_given(page.act, query.multi_items()))


async def _asked_for(page: _ActPage, form: FormData) -> Response:
    """Answer a reading act sent by form.
    For a list, redirect to an address with the fields, so the page can be saved as a link; if a personal
    field has a value, which no address may hold, answer at once.
    """
    act = page.act
    items = [(name, str(value)) for name, value in form.multi_items() if name != "token"]
    first, several = dict(reversed(items)), {field["name"] for field in act["fields"] if field["several"]}
    told = [(name, value) for name, value in items if value and (name in several or first[name] == value)]
    if act["lists"] and not _personal(act, told):
        return see(f"{page.request.url.path}?{urlencode(told)}")
    return await _answer(page, form)


async def _answer(page: _ActPage, asked: Asked, **more: str) -> Response:
    """Show the answer of a reading act: one page of a list, or the whole list as a spreadsheet file."""
    act = page.act
    given = _given(act, [(name, str(value)) for name, value in asked.multi_items()])
    kind = str(asked.get("file") or "")
    limit = PAGE if act["lists"] and not kind else 0
    after = str(asked.get("after") or "")
    try:
        told = {"act": act["command"], "fields": given, "limit": limit, "after": after}
        answer = (await site_of(page.request).ask(page.request, "ask", **told)).said
    except DeclinedInside as declined:
        if declined.status not in ANSWERED:
            raise
        return _shown(page, None, given=given, declined=declined)
    if act["lists"] and kind in SPREADSHEETS:
        return spreadsheet(answer["tables"][0], act["command"].replace(" ", "-"), kind)
    return _shown(page, answer, given=given, more={**more, "all": str(asked.get("all") or "")})


async def carry_out(request: Request) -> Response:
    """Carry out an act sent by form, then redirect to the page named in the form's field `back`.
    Questions with a personal field also come by form, since addresses are kept in histories.
    """
    page = await _page_of(request)
    act, sent = page.act, await site_of(request).form(request)
    try:
        form = FormData([(name, await _text(value)) for name, value in sent.multi_items()])
    finally:
        await sent.close()
    if act["reads"] and text(form, "ask") != "form":
        return await _asked_for(page, form)
    given = _given(act, [(name, str(value)) for name, value in form.multi_items()])
    back = text(form, "back")
    here = back if is_ours(back) else request.url.path
    if text(form, "ask") == "form":
        return _shown(page, None, back=here, given=given)
    what = f"{act['title'][:1].lower()}{act['title'][1:]}"
    reply = await act_for(request, form, act["command"], given, what, here, in_words(act, given))
    if isinstance(reply, DeclinedInside):
        files = {field["name"] for field in act["fields"] if field["kind"] == "file"}
        given = {name: value for name, value in given.items() if name not in files}
        shown = _shown(page, None, back=here, given=given, declined=reply)
        if here == f"/held/{given.get('reference')}":
            with suppress(DeclinedInside):  # A file that is held no more has no such page.
                shown = await held_page(
                    request, here.removeprefix("/held/"),
                    command=act["command"], given=given, problems=_problems(act, reply), status=reply.status,
                )  # fmt: skip
        return shown
    if isinstance(reply, Response):
        return reply
    is_sentence = not any(value for name, value in reply.said.items() if name != "sentence")
    if is_sentence and not given.get("dry_run"):
        return await _show_result(page, reply.said["sentence"], given, back)
    again = given if given.get("dry_run") else None  # No other typed value is shown again.
    return _shown(page, reply.said, back=here, given=again)


async def _show_result(page: _ActPage, sentence: str, given: Mapping[str, Given], back: str) -> Response:
    """Show the sentence on an act's result: on the page `back`, or on the page about the act's subject."""
    to, of_person = back, FormData()
    if not is_ours(back) or back.endswith("/show"):
        to, of_person = _page_about(page.act, given, {one["command"]: one for one in page.others})
    if not of_person:
        return site_of(page.request).see_said(to, sentence)
    return await _answer(await _page_of(page.request, "staff show"), of_person, said=sentence, here=to)


def _page_about(act: Shown, given: Mapping[str, Given], may: Mapping[str, Shown]) -> tuple[str, FormData]:
    """Return the path of the page about an act's subject, such as a school, and the fields to post there.
    Only the page about a person gets a field, the person's name. `may`: the acts open to the person, by
    command.
    """
    noun = act["command"].rpartition(" ")[0]
    shows = may.get(f"{noun} show")
    own = _required(shows) if shows else []
    for field in act["fields"]:
        name, names = field["name"], field["names"]
        value = given.get(name)
        if not isinstance(value, str) or not (field["required"] or name in own):
            continue
        of_noun, quoted = noun if own == [name] else "", quote(value, safe="")
        is_key = field["personal"] and noun == "keys"
        if name == "reference" and noun in {"held", "headings", "transfers"}:
            return f"/held/{quoted}", FormData()
        of_person = of_noun == "staff" or names == "person" or (is_key and given.get("staff"))
        if of_person and "staff show" in may:
            return "/work/staff/show", FormData([("name", value)])
        if "providers show" in may and (of_noun == "providers" or is_key or names == "school"):
            return f"/schools/{quoted}", FormData()
        if of_noun:
            return f"/work/{noun.replace(' ', '.')}/show?{name}={quoted}", FormData()
    return f"/work/{noun.replace(' ', '.')}/list" if f"{noun} list" in may else "/work", FormData()


def _shown(
    page: _ActPage,
    answer: Shown | None,
    *,
    given: dict[str, Given] | None = None,
    declined: DeclinedInside | None = None,
    back: str = "/work",
    more: Mapping[str, str] | None = None,
) -> Response:
    """Render the page of an act: the form, and the `answer` if there is one.

    - `given`: the values typed in the form. `declined`: the refusal to be shown.
    - `back`: the page to return to. `more`: further values for the template.
    """
    request, act, others, me = page
    noun, address = act["command"].rpartition(" ")[0], request.query_params.multi_items()
    may = {one["command"]: one for one in others}
    shows = may.get(f"{noun} show")
    keys = _required(shows) if shows and shows["reads"] else []
    told = [one | {"about": in_words_of_forms(one["about"], act["fields"])} for one in act["fields"]]
    return site_of(request).page(
        request, "act.html", me, status=declined.status if declined else 200,
        act=act | {"about": in_words_of_forms(act["about"], act["fields"]), "fields": told},
        fields={one["name"]: one for one in told},
        revealed={name for one in act["fields"] for under in one["reveals"].values() for name in under},
        answer=answer, given=given or {}, back=back, may=may, leads=_LEADS,
        others=[one for one in others if one["command"].rpartition(" ")[0] == noun],
        problem=_problems(act, declined) if declined else {},
        key=keys[0] if len(keys) == 1 else "", shows=shows,
        filtered=urlencode([(name, value) for name, value in address if value and name not in _PASSING]),
        **{"all": "", **(more or {})},
    )  # fmt: skip


def _problems(act: Shown, declined: DeclinedInside) -> dict[str, str]:
    """Return the sentences of a refusal by field; under the key "", the sentence on the whole form."""
    problems = declined.fields or {"": str(declined)}
    return {name: in_words_of_forms(said, act["fields"]) for name, said in problems.items()}


def _personal(act: Shown, given: Iterable[tuple[str, str]]) -> list[str]:
    fields = {field["name"] for field in act["fields"] if field["personal"]}
    return personal_in(given, fields, act["personal_columns"])


def _required(act: Shown) -> list[str]:
    return [field["name"] for field in act["fields"] if field["required"]]


class _ActPage(NamedTuple):
    """A request for the page of `act`, with the acts on offer (`others`) and the person (`me`)."""

    request: Request
    act: Shown
    others: list[Shown]
    me: Shown


async def _page_of(request: Request, command: str = "") -> _ActPage:
    """Return the page of the act named by `command` or else by the address. HTTPException if not allowed."""
    words = request.path_params
    command = command or f"{words['noun'].replace('.', ' ')} {words['verb']}"
    reply = await site_of(request).ask(request, "acts", about=command)
    for act in reply.said["acts"]:
        if act["command"] == command:
            return _ActPage(request, act, reply.said["acts"], reply.me)
    raise HTTPException(404)


async def _text(value: str | UploadFile) -> str:
    """Return a form value or uploaded file as text, from UTF-8 or else Windows-1252, as the DfE publishes.
    HTTPException for a file that is too large: no part of one is taken for the whole.
    """
    if isinstance(value, str):
        return value
    data = await value.read(MOST_OF_A_PART + 1)
    if len(data) > MOST_OF_A_PART:
        raise HTTPException(413)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _given(act: Shown, items: Iterable[tuple[str, str]]) -> dict[str, Given]:
    """Return the values of an act's fields in a form, by name, without empty fields."""
    said: dict[str, list[str]] = {}
    for name, value in items:
        said.setdefault(name, []).append(value.strip())
    given: dict[str, Given] = {}
    for field in act["fields"]:
        name, several, is_file = field["name"], field["several"], field["kind"] == "file"
        every = said.get(name, [])  # A pressed button stands before what the form keeps of its field.
        values = [one for one in (every if several or is_file else every[:1]) if one]
        if field["kind"] == "yes-no":
            given[name] = values == ["yes"]
        elif values and several and is_file:
            given[name] = tuple(values)
        elif values and several:
            given[name] = tuple(line for value in values for line in value.splitlines() if line.strip())
        elif values:
            given[name] = values[0]
    return given


def spreadsheet(table: Shown, name: str, kind: str) -> Response:
    """Return a table as a file NAME.KIND to download; `kind` is one of `SPREADSHEETS`, such as "csv"."""
    names = [table["named"].get(column, {}) for column in table["columns"]]
    rows = [[column.replace("_", " ") for column in table["columns"]]]
    for row in table["rows"]:
        told = (known.get(str(value), value) for known, value in zip(names, row, strict=True))
        rows.append([inert("" if value is None else str(value), to_read=True) for value in told])
    headers = {"content-disposition": f'attachment; filename="{name}.{kind}"'}
    if kind == "csv":  # RFC 4180.
        written = io.StringIO()
        csv.writer(written).writerows(rows)
        # Excel takes a file without a byte-order mark for one in the computer's own encoding.
        given = written.getvalue().encode("utf-8-sig")
        return Response(given, media_type=SPREADSHEETS[kind], headers=headers)
    return Response(_as_xlsx(rows), media_type=SPREADSHEETS[kind], headers=headers)


def _as_xlsx(rows: list[list[str]]) -> bytes:
    """Return rows as an Excel workbook (.xlsx) of one sheet, with every cell as text."""
    from openpyxl import Workbook  # noqa: PLC0415 - takes a while, and few ask for a workbook
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE  # noqa: PLC0415 - the same

    book = Workbook(write_only=True)
    sheet = book.create_sheet("List")
    for row in rows:
        sheet.append([ILLEGAL_CHARACTERS_RE.sub("", cell) for cell in row])
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()
