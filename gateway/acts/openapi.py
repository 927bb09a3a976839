"""Describe the API for programs in OpenAPI 3.1, with one path for each act open to programs."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from gateway.acts.act import Act
from gateway.acts.fields import answer_of, every_act, fields_of, kept_from_addresses
from gateway.acts.listing import MOST, ColumnKind, ListingAct, kind_of_column
from gateway.zones.console_api import PAGE
from gateway.zones.http_paths import ROOT

_OURS = frozenset({"place", "metavar", "asked", "personal", "names", "also", "title"})
_TEXT = {"type": "string"}
_VALUES: dict[ColumnKind, dict[str, Any]] = {
    "text": _TEXT,
    "texts": {"type": "array", "items": _TEXT},
    "number": {"type": "integer"},
    "day": _TEXT | {"format": "date"},
    "moment": _TEXT | {"format": "date-time"},
    "yes-no": {"type": "boolean"},
}
_FIXED = files("gateway.acts").joinpath("openapi.json").read_text("utf-8")
"""The description without any act."""
_PROBLEMS = {
    status: {"$ref": f"#/components/responses/{status}"}
    for status in json.loads(_FIXED)["components"]["responses"]
}
_PAGING = [{"$ref": "#/components/parameters/limit"}, {"$ref": "#/components/parameters/after"}]
_KEY = {"$ref": "#/components/parameters/key"}


@cache
def openapi_document() -> str:
    """Return the OpenAPI document as JSON."""
    told = json.loads(_FIXED)
    parts = told["components"]
    parts["parameters"]["limit"]["schema"] |= {"maximum": MOST, "default": PAGE}
    for act in every_act().values():
        if act.by_program:
            way, operation = _operation(act, parts["schemas"])
            told["paths"][path_of(act)] = {way: operation}
    return json.dumps(told)


def path_of(act: type[Act]) -> str:
    """Return an act's URL path, made of the words of its command."""
    return f"{ROOT}/{act.command.replace(' ', '/')}"


def _operation(act: type[Act], schemas: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return an act's HTTP method and OpenAPI operation; add shared definitions to `schemas`."""
    fields = _fields_of(act, schemas)
    title, _, about = " ".join((act.__doc__ or "").replace("`", "").split()).partition(". ")
    told: dict[str, Any] = {
        "operationId": act.command.replace(" ", "_").replace("-", "_"),
        "summary": title,
        "description": about or title,
        "tags": [act.command.split(" ")[0]],
        "responses": {
            "200": {"description": "Done, or answered.", "content": _answer_of(act)},
            **_PROBLEMS,
        },
    }
    required = [one.name for one in fields_of(act) if one.required]
    if not act.reads:
        body = {"type": "object", "properties": fields, "required": required, "additionalProperties": False}
        told["parameters"] = [_KEY]
        told["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
        return "post", told
    told["parameters"] = [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "description": schema.get("description", name),
            "schema": schema,
        }
        for name, schema in fields.items()
        if name not in kept_from_addresses(act)
    ] + (_PAGING if issubclass(act, ListingAct) else [])
    return "get", told


def _fields_of(act: type[Act], schemas: dict[str, Any]) -> dict[str, Any]:
    """Return by name the JSON schema of each field of an act; add shared definitions to `schemas`."""
    whole = act.model_json_schema(ref_template="#/components/schemas/{model}")
    shared: dict[str, Any] = whole.get("$defs", {})
    schemas.update({name: _plain(one) for name, one in shared.items() if name != "GivenFile"})
    told: dict[str, Any] = {}
    for one in fields_of(act):
        schema = _plain(whole["properties"][one.name])
        if one.kind == "file":
            schema = {
                "description": one.about,
                **({"type": "array", "items": _TEXT} if one.several else _TEXT),
            }
        told[one.name] = schema
    return told


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a JSON schema without the keys that only the command line and the console need."""
    return {name: value for name, value in schema.items() if name not in _OURS}


def _value_of(act: type[ListingAct], column: str) -> dict[str, Any]:
    """Return the JSON schema of a column's values. The first, lists and booleans are never null."""
    schema = _VALUES[act.kinds.get(column) or kind_of_column(column)]
    always = column == act.columns[0] or schema["type"] in {"array", "boolean"}
    return schema if always else schema | {"type": [schema["type"], "null"]}


def _answer_of(act: type[Act]) -> dict[str, Any]:
    if act.streams:
        return {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    schema: dict[str, Any] = {}
    if issubclass(act, ListingAct):
        row = {
            "type": "object",
            "properties": {name: _value_of(act, name) for name in act.columns},
            "required": [*act.columns],
            "additionalProperties": True,
        }
        schema = {
            "type": "object",
            "properties": {"rows": {"type": "array", "items": row}, "next": {"type": ["string", "null"]}},
            "required": ["rows", "next"],
        }
    elif answer_of(act) == "ActDone":
        schema = {
            "type": "object",
            "properties": {"sentence": _TEXT, "document": _TEXT},
            "required": ["sentence", "document"],
        }
    return {"application/json": {"schema": schema}}
