"""policy confirm, new, optional and pack: write a draft of the policies, for a person to read."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal

import tomlkit
import typer
from rich.text import Text

from gateway.classify import markup
from gateway.classify.content import Source, Unreadable, encoding_of
from gateway.classify.load import load_rules
from gateway.classify.pupil_xml import record_names
from gateway.classify.rules import Rules
from gateway.classify.value_kinds import Codes, FieldRule, check_for
from gateway.classify.views.walk import HEADER
from gateway.cli.commands import HomeOption, JsonOption, command_in, fails_clearly
from gateway.cli.console import existing, now, out, plain, show
from gateway.errors import GatewayError, as_fault
from gateway.home.settings import ClassifyLimits, load_settings
from gateway.home.settings_file import nearest
from gateway.log.checkpoint import LogKey
from gateway.model import counted
from gateway.policy.catalogue import Catalogue, load_catalogue, load_unchecked
from gateway.policy.citations import cited_now, clause_texts, confirmed, due
from gateway.policy.dates import local_day
from gateway.policy.new_flow import NewFlow, begin, check_new, columns_of, write_flow
from gateway.policy.timescale import present_names, renamed_references, standing_of
from gateway.record import policies_in_force
from gateway.record.policy_check import check
from gateway.zones.spool import write_durably

_MANY = 64 * 1024  # Characters read of a sample.
_ROWS = 50
ClausesArgument = Annotated[list[str] | None, "[CLAUSE]...", "All that wait for it if not given."]
FolderOption = Annotated[
    Path | None,
    typer.Option("--policies", file_okay=False, help="A policies folder; that of the home if not given."),
]
YesOption = Annotated[bool, "--yes", "You have read them: do not ask."]


@fails_clearly
def confirm(
    home: HomeOption, clauses: ClausesArgument = None, folder: FolderOption = None, yes: YesOption = False
) -> None:
    """Show each new or changed clause with the settings citing the clause, and ask for confirmation."""
    policies = folder or existing(home).policies
    file = policies / "confirmed.toml"
    if policies.is_dir() and not file.exists():
        write_durably(file, b"", mode=0o644)
    catalogue = load_unchecked(policies)
    texts, cited, read = clause_texts(catalogue), cited_now(catalogue), []
    wanted = list(dict.fromkeys(clauses or due(catalogue)))
    known = {*cited, *due(catalogue)}
    if unknown := [clause for clause in wanted if clause not in known]:
        raise GatewayError(f"nothing cites a clause {unknown[0]}{nearest(unknown[0], known)}")
    for clause in wanted:
        users = cited[clause].cited_by if clause in cited else ()
        words = plain(catalogue.agreement.clauses.get(clause, ""))
        out.print(Text(f"\nclause {clause}: {words}", style="bold"))
        out.print(Text(plain(texts.get(clause, "It is no longer in the text."))))
        out.print(Text(f"rests on it: {plain(', '.join(users) or 'nothing any more')}"))
        try:
            if yes or typer.confirm("Does the clause say this?", default=False, err=True):
                read.append(clause)
        except typer.Abort:
            break  # What was read before stays read.
    write_durably(file, confirmed(catalogue, read).encode(), mode=0o644)
    left = due(load_unchecked(policies))
    out.print(f"{counted(len(read), 'clause')} confirmed, {len(left)} left")
    if not {*wanted}.isdisjoint(left):
        raise typer.Exit(1)


new_app = typer.Typer(no_args_is_help=True, help="Something new in the policies, written for you.")


@command_in(new_app, "agreement")
def agreement(
    folder: Annotated[Path, "FOLDER", "A new folder, for the policies."],
    text: Annotated[
        Path, typer.Option(metavar="FILE", dir_okay=False, exists=True, help="The agreement, as plain text.")
    ],
    title: Annotated[str, "What it is called."],
    like: Annotated[str | None, "--like NAME", "The agreement to begin from, such as cwm-alarch."] = None,
) -> None:
    """Begin the policies of your own agreement, as a copy of those of a shipped agreement."""
    begin(folder, text, title, like)
    out.print(f"{folder} is written; go on with docs/your-own-agreement.md, and see what is left:")
    out.print(f"gateway policy check --mend {folder}")


@command_in(new_app, "flow")
def flow(
    home: HomeOption,
    sample: Annotated[Path, typer.Argument(dir_okay=False, exists=True, help="CSV, a workbook or XML.")],
    identifier: Annotated[str, "--id", "The name of the flow: of a-z, 0-9 and hyphens."],
    title: Annotated[str, "What people call it."],
    clause: Annotated[str, "The clause of the agreement that lists it."],
    words: Annotated[str, "What that clause says, in short."],
    senders: Annotated[str, "Kinds of provider, by id or name, with commas between."],
    recipients: Annotated[str, "Recipients, by id or name, with commas between."],
    teams: Annotated[str, "Teams, by id or name, with commas between."],
    timescale: Annotated[str, "Such as weekly, or one of calendar.toml."] = "on-event",
    due: Annotated[str | None, "--due MM-DD..MM-DD", "When, if it is annual."] = None,
    basis: Annotated[str, "One of the bases in agreement.toml."] = "supporting",
    about: Annotated[str, "Whose data it is: one of the persons in agreement.toml."] = "pupils",
    optional: Annotated[str, "Headings that a file may lack, with commas between."] = "",
    folder: FolderOption = None,
) -> None:
    """Write a flow with data type, items, rights, clause and dates, and list the work left to do."""
    first, dots, last = (due or "").partition("..")
    if due is not None and not dots:
        raise GatewayError("write --due as 06-01..06-30")
    policies = folder or existing(home).policies
    catalogue, rules = load_unchecked(policies), load_rules(policies)
    with as_fault(f"{sample} cannot be read", GatewayError):
        if sample.suffix.lower() == ".xml":
            values, known, elements, collection = _of_markup(sample, rules)
        else:
            values, elements, collection = _of_columns(sample), {}, None
            fields = ((heading, rules.column_field(heading)) for heading in values)
            known = {heading: key for heading, key in fields if key is not None}
    new = NewFlow(
        id=identifier,
        title=title,
        clause=clause,
        words=words,
        senders=_ids(senders, {one.name: one.id for one in catalogue.bodies.kind}),
        recipients=_ids(recipients, {one.name: one.id for one in catalogue.bodies.recipient}),
        teams=_ids(teams, {one.name: one.id for one in catalogue.teams.team}),
        basis=basis,
        timescale=timescale,
        about=about,
        headings=tuple(values),
        known=known,
        due=(first, last) if dots else None,
        optional=_several(optional),
        values={name: kind for name, texts in values.items() if (kind := kind_of(texts, rules))},
        elements=elements,
        collection=collection,
    )
    check_new(new, catalogue)
    write_flow(policies, new, catalogue)
    out.print(f"{identifier} is written: {counted(len(new.new), 'item')} of its own")
    told = (*_doubted(new, values, rules), *_unshown(new, rules, load_unchecked(policies)))
    for line in (*told, *map(str, check(policies))):
        out.print(line)
    there, draft = (f" --policies {folder}", f" {folder}") if folder else ("", "")
    out.print(f"read what was written, then: gateway policy confirm{there}, gateway policy propose{draft}")


def _several(given: str) -> tuple[str, ...]:
    return tuple(one.strip() for one in given.split(",") if one.strip())


def _ids(given: str, named: dict[str, str]) -> tuple[str, ...]:
    """Return the ids for a text of ids or names, with commas between. `named` maps names to ids."""
    by_name = {name.casefold(): one for name, one in named.items()}
    return tuple(by_name.get(one.casefold(), one) for one in _several(given))


# The narrowest first: whatever is of another kind is kept from every view.
_TRIED = (
    FieldRule(values=("date",)),
    FieldRule(values=("time",)),
    FieldRule(values=("flag",)),
    FieldRule(values=("number",)),
    FieldRule(values=("identifier",), identifier="short"),
    FieldRule(values=("identifier",), identifier="reference"),
    FieldRule(values=("label",)),
)


def kind_of(texts: Iterable[str], rules: Rules) -> dict[str, str]:
    """Return the narrowest kind of value that fits all texts, as keys of items.toml; {} if none fits."""
    filled = [text for text in texts if text.strip()]
    for tried in _TRIED if filled else ():
        check = check_for(tried, rules.code_sets, rules.sensitive)
        if check is not None and not any(map(check, filled)):
            identifier = {"identifier": tried.identifier} if tried.identifier else {}
            return {"values": tried.values[0], **identifier}
    return {}


def doubts(heading: str, texts: Iterable[str], rules: Rules) -> Iterator[str]:
    """Yield sentences for a person: if no kind of value fits a heading's values, and if they may be codes."""
    filled = {text.strip() for text in texts} - {""}
    if filled and not kind_of(filled, rules):
        yield (
            f"{heading}: its values in the sample are of no one kind, and count as labels; see `values` of "
            "its item in items.toml, for whatever is of another kind reaches nobody"
        )
    if len([text for text in filled if len(text) > 1]) > 1:  # Many lists have one given code, or a letter.
        sets = rules.code_sets
        lists = sorted(name for name in sets if all(map(Codes(sets[name]).has, filled)))
        if lists:
            yield (
                f"{heading}: its values are codes of {' and of '.join(lists)}; where the agreement means "
                f'these, write values = "code" and codes = "{lists[0]}" to its item in items.toml'
            )


def _doubted(new: NewFlow, values: Mapping[str, list[str]], rules: Rules) -> Iterator[str]:
    """Yield the doubts about each new heading, and about known ones that may not have the sample's values."""
    for heading in new.new:
        yield from doubts(heading, values[heading], rules)
    for heading, key in new.known.items():
        check = check_for(rules.fields[key], rules.code_sets, rules.sensitive)
        if check is not None and any(check(text) for text in values[heading] if text.strip()):
            named = rules.items[key].label if key in rules.items else key
            yield (
                f"{heading}: is read as {named}, which may not have some of its values in the sample: no "
                "team gets those; give the column another heading, or see the item in items.toml"
            )


def _unshown(new: NewFlow, rules: Rules, catalogue: Catalogue) -> Iterator[str]:
    """Yield a sentence for each team of a new flow that may not see all data items of the sample.
    Only items under headings that the rules know count.
    """
    labels = dict.fromkeys(rules.items[key].label for key in new.known.values() if key in rules.items)
    for team in catalogue.teams.team:
        lacking = [label for label in labels if not catalogue.may_have(team.id, label)]
        if lacking and team.id in new.teams and team.pupil_level:
            yield f"{team.id}: is not shown {', '.join(lacking)}; see its right in rights.toml"


def _of_markup(
    sample: Path, rules: Rules
) -> tuple[dict[str, list[str]], dict[str, str], dict[str, tuple[str, ...]], str | None]:
    """Read the children's records of an XML file, where a heading is the name of an element with text.
    Return four results: the values by heading; the known field by heading, for headings in the rules; the
    paths Parent/Name by heading; and the collection that a DfE message names, or None. GatewayError if the
    file cannot be read, or has no records of children.
    """
    values, known, collection = dict[str, list[str]](), dict[str, str](), None
    elements = dict[str, tuple[str, ...]]()
    try:
        with sample.open("rb") as content:
            source = Source(content, encoding_of(content), ClassifyLimits())
            for record in markup.pupil_records(source, record_names(markup.root_of(source), rules)):
                leaves = list(markup.leaves(record))
                if markup.local_name(record.tag) == HEADER:
                    collection = next((text for _, name, text in leaves if name == "Collection"), None)
                    continue
                for parent, name, text in leaves:
                    values.setdefault(name, []).append(text.strip())
                    elements[name] = tuple(dict.fromkeys((*elements.get(name, ()), f"{parent}/{name}")))
                    if (key := rules.element_field(parent, name)) is not None:
                        known[name] = key
    except Unreadable:
        raise GatewayError(f"{sample} cannot be read: save it as XML without a mistake") from None
    if not values:
        raise GatewayError(f"{sample} has no records of children that are known: see [registers]")
    return values, known, elements, collection


def _of_columns(sample: Path) -> dict[str, list[str]]:
    """Return the values of each column, by heading, of a CSV file or of the first sheet of a workbook."""
    if sample.suffix.lower() in {".xlsx", ".xls", ".xlsb", ".ods"}:
        from python_calamine import CalamineError, CalamineWorkbook  # noqa: PLC0415 - loaded where it is needed

        try:
            return columns_of(CalamineWorkbook.from_path(sample).get_sheet_by_index(0).to_python())
        except CalamineError as error:
            raise GatewayError(f"{sample} cannot be read: {error}") from None
    try:
        with sample.open(encoding="utf-8-sig", newline="") as text:
            start = text.read(_MANY)
    except UnicodeDecodeError:
        raise GatewayError(f"{sample} is no UTF-8 text: save it as CSV UTF-8, or as a workbook") from None
    delimiter = max(",;\t", key=start.partition("\n")[0].count)
    return columns_of(list(csv.reader(start.splitlines()[:_ROWS], delimiter=delimiter)))


optional_app = typer.Typer(
    no_args_is_help=True, help="Flows that a law asks for: switched on where you want them."
)


@command_in(optional_app, "list")
def list_optional(home: HomeOption, as_json: JsonOption = False) -> None:
    """List the flows that only a law asks for: the law, the teams, and if the flow is switched on."""
    flows = load_catalogue(existing(home).policies_in_force).flows
    rows = [
        {
            "flow": flow.id,
            "state": "off" if flow in flows.optional else "on",
            "clause": flow.clause,
            "law": flow.law,
            "timescale": flow.document.timescales,
            "data_types": [entry.id for entry in flow.data_type],
            "teams": sorted({team for entry in flow.data_type for team in entry.teams}),
        }
        for flow in (*flows.flow, *flows.optional)
        if flow.law
    ]
    columns = ("flow", "state", "clause", "law", "timescale", "data_types", "teams")
    show(rows, columns, as_json=as_json, empty="these policies have no flow that only a law asks for")


@command_in(optional_app)
def switch(
    home: HomeOption,
    flow: Annotated[str, "FLOW", "As gateway policy optional list names it."],
    state: Annotated[Literal["on", "off"], typer.Argument(metavar="on|off")],
) -> None:
    """Switch a flow on or off in the draft policies, to be proposed and approved."""
    policies = existing(home).policies
    before = load_unchecked(policies)
    known = {each.id for each in (*before.flows.flow, *before.flows.optional) if each.law}
    if flow not in known:
        raise GatewayError(f"there is no optional flow {flow}{nearest(flow, known)}")
    file = policies / "flows.toml"
    text = tomlkit.parse(file.read_text("utf-8"))
    names = {*before.flows.switched_on} - {flow} | ({flow} if state == "on" else set())
    text["switched_on"] = sorted(names)
    write_durably(file, tomlkit.dumps(text).encode(), mode=0o644)
    out.print(f"{flow} is switched {state} in the draft")
    if clauses := tuple(due(load_unchecked(policies))):
        out.print(f"read what rests on it now: gateway policy confirm {' '.join(clauses)}")
    out.print("then: gateway policy propose")


pack_app = typer.Typer(
    no_args_is_help=True, help="What the law asks for in a year: packs of layouts, codes and days."
)
PackArgument = Annotated[
    Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="law-YYYY-YY.toml")
]


@command_in(pack_app, "list")
def list_packs(home: HomeOption, as_json: JsonOption = False) -> None:
    """List the law packs of the policies in force, and the state of each today."""
    catalogue = load_catalogue(existing(home).policies_in_force)
    today = local_day(now(), catalogue.calendar.timezone)
    rows = [
        {
            "pack": each.academic_year,
            "first": each.first,
            "last": each.last,
            "state": standing_of(each, catalogue.law, today),
            "layouts": len(each.layouts),
            "code_sets": len(each.code_sets),
            "coming": [one.says for one in each.coming],
            "references": {one.cited: one.today for one in each.references},
        }
        for each in catalogue.law
    ]
    columns = ("pack", "first", "last", "state", "layouts", "code_sets")
    show(rows, columns, as_json=as_json, empty="no pack: files are judged by the agreement alone")
    if not as_json:
        for line in present_names(renamed_references(catalogue, today)):
            out.print(line)


@command_in(pack_app)
def install(home: HomeOption, pack: PackArgument) -> None:
    """Put a signed pack into the draft policies; the signature is beside the pack as FILE.note.

    Once the draft is proposed and approved, the pack decides from the first day that it names.
    """
    place = existing(home)
    note = policies_in_force.note_beside(pack).read_text("utf-8")
    found = policies_in_force.install(pack, note, load_settings(place).log.law_publishers, place.policies)
    out.print(f"{pack.name} is in the draft: what it says holds from {found.first} on")
    out.print(f"see what it changes: gateway policy simulate --pack {pack}")
    out.print("then: gateway policy propose")


@command_in(pack_app)
def sign(
    pack: PackArgument,
    publisher: Annotated[str, "Who publishes it: a name that ends in /law."],
    key: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="Its Ed25519 secret key, as PEM.")],
) -> None:
    """Sign a pack as the publisher: write FILE.note, and print the public key for the verification."""
    secret = LogKey.load(key.read_bytes())
    note = policies_in_force.note_beside(pack)
    write_durably(note, policies_in_force.sign(pack, publisher, secret).encode(), mode=0o644)
    out.print(f'{note} is written; law_publishers = ["{secret.vkey(publisher)}"]')
