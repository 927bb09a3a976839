"""Write a flow into policies from the headings of a sample: type, items, rights, clause and dates.

Known headings use the existing rules; each unknown heading becomes an item in the flow's own group, with a
right for its teams. The result then waits for a person to read and confirm.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import AoT

from gateway.errors import GatewayError
from gateway.home.settings_file import nearest
from gateway.policy.catalogue import Catalogue
from gateway.policy.schema import CLAUSE, TIMESCALES

_RANK = 120
_SLUG, _CLAUSE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*"), re.compile(CLAUSE)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFlow:
    """A person's description of a flow. `due` are the first and last month-day of a yearly flow.

    `known` gives the key of the item or working field for each recognised heading of the sample.
    """

    id: str
    title: str
    clause: str
    words: str
    senders: tuple[str, ...]
    recipients: tuple[str, ...]
    teams: tuple[str, ...]
    basis: str
    timescale: str
    about: str
    headings: tuple[str, ...]
    known: dict[str, str]
    due: tuple[str, str] | None = None

    @property
    def new(self) -> tuple[str, ...]:
        """The headings unknown to every rule."""
        return tuple(heading for heading in self.headings if heading not in self.known)

    @property
    def group(self) -> str:
        """The name of the flow's own group of items."""
        return self.title


def check_new(flow: NewFlow, catalogue: Catalogue) -> None:
    """Raise GatewayError if the flow cannot be written: the id is taken, no heading of the sample is
    distinctive, or a name is unknown to the policies.
    """
    if not _SLUG.fullmatch(flow.id):
        raise GatewayError(f"--id {flow.id}: write small letters a to z and digits, with hyphens between")
    if not _CLAUSE.fullmatch(flow.clause):
        raise GatewayError(f"--clause {flow.clause}: write its number as 5.3.1, A.3(b) or 3(a)")
    if catalogue.flow(flow.id) is not None or flow.id in catalogue.data_types():
        raise GatewayError(f"there is a flow or data type {flow.id} already")
    if not flow.new:
        raise GatewayError("every heading is known already, so that nothing tells these files apart")
    for option, given, known in _named(flow, catalogue):
        for name in given:
            if name not in known:
                raise GatewayError(f"--{option} {name}: one of {', '.join(known)}{nearest(name, known)}")
    if flow.timescale == "annually" and flow.due is None:
        raise GatewayError("say when it is due each year: --due MM-DD..MM-DD")


def _named(flow: NewFlow, catalogue: Catalogue) -> Iterator[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """Yield each option with names from the policies: the option, the given names, the known names."""
    yield "senders", flow.senders, tuple(catalogue.bodies.kinds())
    yield "recipients", flow.recipients, tuple(body.id for body in catalogue.bodies.recipient)
    yield "teams", flow.teams, tuple(team.id for team in catalogue.teams.team)
    yield "basis", (flow.basis,), tuple(catalogue.agreement.bases)
    yield "about", (flow.about,), tuple(catalogue.agreement.persons)
    own = (each.id for each in catalogue.calendar.timescale)
    yield "timescale", (flow.timescale,), (*TIMESCALES, *own)


def write_flow(policies: Path, flow: NewFlow, catalogue: Catalogue) -> None:
    """Write a flow into a folder of policies, keeping comments and order."""
    _append(policies / "flows.toml", _flow_of(flow))
    _append(policies / "data_types.toml", _type_of(flow))
    _append(policies / "items.toml", {"items": {_key(flow, each): _item_of(flow, each) for each in flow.new}})
    _write_rights(policies / "rights.toml", flow)
    _write_clause(policies, flow, catalogue)
    if flow.due is not None:
        first, last = flow.due
        due = {"data_type": flow.id, "first": first, "last": last, "open_days": 30}
        _append(policies / "calendar.toml", {"due": [due]})


def _flow_of(flow: NewFlow) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": flow.id, "timescale": flow.timescale}
    entry |= {"about": [flow.about]} if flow.about != "pupils" else {}
    entry |= {"teams": list(flow.teams), "clauses": [flow.clause]}
    document = {
        "description": flow.title,
        "purpose": flow.words,
        "from": ", ".join(flow.senders),
        "to": ", ".join(flow.recipients),
        "statutory_support": flow.basis,
        "timescales": flow.timescale,
        "mechanism": "this gateway",
    }
    found = {
        "id": flow.id,
        "clause": flow.clause,
        "senders": list(flow.senders),
        "recipients": list(flow.recipients),
        "basis": [flow.basis],
        "contents": "appendix-a",
        "document": document,
        "data_type": [entry],
    }
    return {"flow": [found]}


def _type_of(flow: NewFlow) -> dict[str, Any]:
    keys = [_key(flow, each) for each in flow.new]
    told = list(dict.fromkeys([*flow.known.values(), *keys]))
    kind = {"title": flow.title, "must": [], "carries": told}
    table = {
        "type": flow.id,
        "rank": _RANK,
        "level": "strong",
        "because": f"the headings of {flow.title}",
        "needs": keys,
    }
    return {"types": {flow.id: kind}, "tables": [table]}


def _item_of(flow: NewFlow, heading: str) -> dict[str, Any]:
    return {"label": f"{flow.group}: {heading}", "columns": [heading], "values": "label"}


def _write_rights(path: Path, flow: NewFlow) -> None:
    rights = tomlkit.parse(path.read_text("utf-8"))
    entries = rights.get("right")
    for entry in entries if isinstance(entries, AoT) else ():
        if entry.get("team") in flow.teams:
            entry["groups"].append(flow.group)
    path.write_text(tomlkit.dumps(rights), "utf-8")
    group: dict[str, Any] = {"label": flow.group, "clause": flow.clause}
    group |= {"of": flow.about} if flow.about != "pupils" else {}
    group |= {"items": list(flow.new), "reason": [{"text": flow.words}]}
    _append(path, {"group": [group]})


def _write_clause(policies: Path, flow: NewFlow, catalogue: Catalogue) -> None:
    if flow.clause in catalogue.agreement.clauses:
        return
    path = policies / "agreement.toml"
    agreement = tomlkit.parse(path.read_text("utf-8"))
    clauses: Any = agreement["clauses"]
    clauses[flow.clause] = flow.words
    path.write_text(tomlkit.dumps(agreement), "utf-8")
    text = policies / catalogue.agreement.text
    text.write_text(f"{text.read_text('utf-8').rstrip()}\n\n{flow.clause} {flow.words}\n", "utf-8")


def _key(flow: NewFlow, heading: str) -> str:
    """Return a heading as the key of an item, made unique by the flow's id in front."""
    plain = unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode().lower()
    return f"{flow.id}-{'-'.join(re.findall(r'[a-z0-9]+', plain)) or 'column'}"


def _append(path: Path, tables: dict[str, Any]) -> None:
    """Add tables at the end of a file."""
    before = path.read_text("utf-8").rstrip("\n")
    path.write_text(f"{before}\n\n{tomlkit.dumps(tables).strip()}\n", "utf-8")


def headings_of(rows: Sequence[Sequence[object]]) -> tuple[str, ...]:
    """Return the first row containing words, as headings. GatewayError if no row does."""
    for row in rows:
        found = [str(cell).strip() for cell in row if str(cell).strip()]
        if found:
            return tuple(dict.fromkeys(found))
    raise GatewayError("the sample has no headings")
