"""Write new policies: for another agreement, or for a new flow by the headings of a sample file.

Headings that existing rules know keep their meaning. Each unknown heading becomes an item of the flow's own
group, to which the teams of the flow get a right. In XML, the names of elements with text are the headings. A
person then has to read and confirm the result.
"""

import re
import shutil
import tomllib
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomlkit

from gateway.errors import GatewayError
from gateway.home import policy_files
from gateway.home.settings_file import nearest
from gateway.law import PACKS
from gateway.policy.catalogue import Catalogue
from gateway.policy.citations import numbered
from gateway.policy.schema import CLAUSE, NOBODY, TIMESCALES
from gateway.policy.shipped import shipped_agreements

_RANK = 120
_SLUG, _CLAUSE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*"), re.compile(CLAUSE)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFlow:
    """A person's description of a flow. `due`: the first and last day (MM-DD) of a flow due yearly.
    `headings`: the headings of the sample file. `known`: for recognised headings, the key of the item in
    items.toml. `optional`: headings that a file may lack. `values`: for some headings, their settings in
    items.toml, by default `values = "label"`. `elements`: for each heading in XML, its paths as Parent/Name.
    `collection`: the name of the collection in a DfE message.
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
    optional: tuple[str, ...] = ()
    values: dict[str, dict[str, str]] = field(default_factory=dict)
    elements: dict[str, tuple[str, ...]] = field(default_factory=dict)
    collection: str | None = None

    @property
    def new(self) -> tuple[str, ...]:
        """The headings of the sample file recognised by no rule."""
        return tuple(heading for heading in self.headings if heading not in self.known)


def check_new(flow: NewFlow, catalogue: Catalogue) -> None:
    """Raise GatewayError, naming the option at fault, unless policies for a new flow can be written."""
    if not _SLUG.fullmatch(flow.id):
        raise GatewayError(f"--id {flow.id}: write small letters a to z and digits, with hyphens between")
    if catalogue.flow(flow.id) is not None or flow.id in catalogue.data_types():
        raise GatewayError(f"there is a flow or data type {flow.id} already")
    if not _CLAUSE.fullmatch(flow.clause):
        raise GatewayError(f"--clause {flow.clause}: write its number as 5.3.1, A.3(b) or 3(a)")
    printed = rf"^\W*{re.escape(flow.clause)}[.):]*\s"
    if flow.clause not in catalogue.agreement.clauses and not re.search(
        printed, catalogue.agreement_text, re.MULTILINE
    ):
        text = catalogue.agreement.text
        raise GatewayError(
            f"{text} has no clause {flow.clause}: write into it first what the parties have agreed"
        )
    if flow.collection is None and not set(flow.new) - set(flow.optional):
        raise GatewayError("every heading is known or optional, so that nothing tells these files apart")
    own = (each.id for each in catalogue.calendar.timescale)
    for option, given, known in (
        ("optional", flow.optional, flow.headings),
        ("senders", flow.senders, catalogue.bodies.kinds()),
        ("recipients", flow.recipients, tuple(body.id for body in catalogue.bodies.recipient)),
        ("teams", flow.teams, tuple(team.id for team in catalogue.teams.team)),
        ("basis", (flow.basis,), tuple(catalogue.agreement.bases)),
        ("about", (flow.about,), (*catalogue.agreement.persons, NOBODY)),
        ("timescale", (flow.timescale,), (*TIMESCALES, *own)),
    ):
        for name in given:
            if name not in known:
                raise GatewayError(f"--{option} {name}: one of {', '.join(known)}{nearest(name, known)}")
    if flow.timescale == "annually" and flow.due is None:
        raise GatewayError("say when it is due each year: --due MM-DD..MM-DD")


def write_flow(policies: Path, flow: NewFlow, catalogue: Catalogue) -> None:
    """Write a flow that passed `check_new` into a folder of policies; comments and order stay."""
    _append(policies / "flows.toml", _flow_of(flow, catalogue))
    keys = [_key(flow, each) for each in flow.new if each not in flow.optional]
    told = list(dict.fromkeys([*flow.known.values(), *(_key(flow, each) for each in flow.new)]))
    kind = {"title": flow.title, "must": [], "carries": told}
    table = {
        "type": flow.id,
        "rank": _RANK,
        "level": "strong",
        "because": f"the headings of {flow.title}",
        "needs": keys,
    }
    told_by = {"tables": [table]}
    if flow.collection is not None:
        told_by = {}
        # Have a DfE message that calls itself so be of the data type.
        with _edited(policies / "data_types.toml") as types:
            outside = types["message"]["outside"]
            for name in [name for name in outside if name.casefold() == flow.collection.casefold()]:
                del outside[name]
            types["message"]["returns"][flow.collection] = flow.id
    _append(policies / "data_types.toml", {"types": {flow.id: kind}, **told_by})
    if flow.new:
        items: dict[str, Any] = {}
        for each in flow.new:
            where = {"elements": list(flow.elements[each])} if flow.elements else {"columns": [each]}
            values = flow.values.get(each, {"values": "label"})
            items[_key(flow, each)] = {"label": f"{flow.title}: {each}", **where, **values}
        _append(policies / "items.toml", {"items": items})
    _write_rights(policies / "rights.toml", flow, catalogue)
    if flow.clause not in catalogue.agreement.clauses:
        with _edited(policies / "agreement.toml") as agreement:
            agreement["clauses"][flow.clause] = flow.words
    if flow.due is not None:
        first, last = flow.due
        due = {"data_type": flow.id, "first": first, "last": last, "open_days": 30}
        _append(policies / "calendar.toml", {"due": [due]})


def _flow_of(flow: NewFlow, catalogue: Catalogue) -> dict[str, Any]:
    bodies = catalogue.bodies
    senders = [kind.name for kind in bodies.kind if kind.id in flow.senders]
    recipients = [body.name for body in bodies.recipient if body.id in flow.recipients]
    entry: dict[str, Any] = {"id": flow.id, "timescale": flow.timescale}
    entry |= {"about": [flow.about]} if flow.about != "pupils" else {}
    entry |= {"teams": list(flow.teams), "clauses": [flow.clause]}
    document = {
        "description": flow.title,
        "purpose": flow.words,
        "from": ", ".join(senders),
        "to": ", ".join(recipients),
        "statutory_support": catalogue.agreement.bases[flow.basis],
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


def _write_rights(path: Path, flow: NewFlow, catalogue: Catalogue) -> None:
    """Write the flow's group of items into rights.toml, and a right to it for each team and recipient.
    A team without pupil level gets a right only if the flow is about nobody.
    """
    if not flow.new:
        return
    teams = [
        each.id
        for each in catalogue.teams.team
        if each.id in flow.teams and (each.pupil_level or flow.about == NOBODY)
    ]
    teams += [body.id for body in catalogue.bodies.recipient if body.id in flow.recipients and not body.own]
    with _edited(path) as rights:
        for entry in rights["right"]:
            if entry.get("team") in teams:
                entry["groups"].append(flow.title)
    group: dict[str, Any] = {"label": flow.title, "clause": flow.clause}
    group |= {"of": flow.about} if flow.about != "pupils" else {}
    group |= {"items": list(flow.new), "reason": [{"text": flow.words}]}
    _append(path, {"group": [group]})
    lacking = {each.id for each in catalogue.teams.team} & set(teams)
    for team in sorted(lacking - {right.team for right in catalogue.rights.right}):
        own = {"team": team, "groups": [flow.title], "clauses": [flow.clause], "why": flow.words}
        _append(path, {"right": [own]})


def _key(flow: NewFlow, heading: str) -> str:
    """Return the key in items.toml for a heading: the id of the flow, then the words of the heading."""
    plain = unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode().lower()
    return f"{flow.id}-{'-'.join(re.findall(r'[a-z0-9]+', plain)) or 'column'}"


@contextmanager
def _edited(path: Path) -> Iterator[Any]:
    """Yield the document of a TOML file for changes; afterwards, write the document to the file."""
    document = tomlkit.parse(path.read_text("utf-8"))
    yield document
    path.write_text(tomlkit.dumps(document), "utf-8")


def _append(path: Path, tables: dict[str, Any]) -> None:
    """Append tables to a TOML file."""
    before = path.read_text("utf-8").rstrip("\n")
    path.write_text(f"{before}\n\n{tomlkit.dumps(tables).strip()}\n", "utf-8")


def columns_of(rows: Sequence[Sequence[object]]) -> dict[str, list[str]]:
    """Return the values of each column of a sample file, by heading, without empty cells.
    The first row with any text has the headings. Raises GatewayError if all rows are empty.
    """
    for number, row in enumerate(rows):
        headings = [str(cell).strip() for cell in row]
        if any(headings):
            below = [[str(cell).strip() for cell in each] for each in rows[number + 1 :]]
            return {
                name: [each[at] for each in below if at < len(each) and each[at]]
                for at, name in enumerate(headings)
                if name
            }
    raise GatewayError("the sample has no headings")


_TEXT = "agreement.txt"
_LISTED = re.compile(r"^\[(?:items|others)\.([\w-]+)((?:\.[\w-]+)*)\]", re.MULTILINE)
_SHORT = 12


def begin(folder: Path, text: Path, title: str, like: str | None) -> None:
    """Write policies for a new agreement into a new folder, as a copy of a shipped agreement's policies.
    `text`: the file with the wording of the new agreement. `like`: the name of the shipped agreement; None
    for the first. The clauses are those of the text, named by their first words; none is confirmed. Raises
    GatewayError for a folder that exists, an unknown agreement, or a text that cannot be read.
    """
    shipped = {path.name: path for path in shipped_agreements()[1:]}
    pattern = shipped_agreements()[0] if like is None else shipped.get(like)
    if pattern is None:
        raise GatewayError(f"no agreement {like} ships: {', '.join(shipped)}{nearest(str(like), shipped)}")
    try:
        words = text.read_text("utf-8-sig")
        folder.mkdir(parents=True)
    except UnicodeDecodeError:
        raise GatewayError(f"{text} is no UTF-8 text: save it as plain text") from None
    except OSError as error:
        raise GatewayError(f"{error.filename}: {error.strerror}") from None
    for path in policy_files(pattern):
        if path.suffix == ".toml" and not path.match(PACKS):
            shutil.copyfile(path, folder / path.name)
    shutil.copytree(pattern / "schemas", folder / "schemas")
    (folder / _TEXT).write_text(words, "utf-8")
    (folder / "confirmed.toml").write_text("", "utf-8")
    clauses = {clause: said.split() for clause, said in numbered(words).items()}
    with _edited(folder / "agreement.toml") as agreement:
        agreement.update({"title": title, "version": "1.0", "text": _TEXT})
        agreement["clauses"] = {
            clause: " ".join(said[:_SHORT]) + (" …" if len(said) > _SHORT else "")
            for clause, said in clauses.items()
        }
        for key in ("printed", "uncited", "documents"):
            agreement.pop(key, None)


def declare(folder: Path) -> tuple[str, ...]:
    """Bring flows.toml and items.toml of a folder in line with the other files; return the changed files.
    Data types without a flow are listed under `not_carried`, so their files are recognised and refused.
    Items listed in rights.toml are put under `[items]` of items.toml, and all others under `[others]`. Raises
    GatewayError for a file that cannot be read.
    """
    try:
        texts = {name: (folder / name).read_text("utf-8") for name in _NEEDED}
        read: dict[str, Any] = {name: tomllib.loads(text) for name, text in texts.items()}
        new = dict(texts)
        flows, items = read["flows.toml"], read["items.toml"]
        carried = {e["id"] for f in (*flows["flow"], *flows.get("optional", ())) for e in f["data_type"]}
        lacking = [name for name in read["data_types.toml"]["types"] if name not in carried]
        if lacking != flows.get("not_carried", []):
            document = tomlkit.parse(texts["flows.toml"])
            document["not_carried"] = lacking
            new["flows.toml"] = tomlkit.dumps(document)
        listed = {
            f"{group['label']}: {item}" for group in read["rights.toml"]["group"] for item in group["items"]
        }
        known = items["items"] | items["others"]

        def placed(header: re.Match[str]) -> str:
            table = "items" if known[header[1]]["label"] in listed else "others"
            return f"[{table}.{header[1]}{header[2]}]"

        new["items.toml"] = _LISTED.sub(placed, texts["items.toml"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise GatewayError(f"mend the faults that are told of {', '.join(_NEEDED)} first ({error})") from None
    changed = tuple(name for name in _NEEDED if new[name] != texts[name])
    for name in changed:
        (folder / name).write_text(new[name], "utf-8")
    return changed


_NEEDED = ("flows.toml", "data_types.toml", "items.toml", "rights.toml")
