"""pupils: which files hold a child, whose data few people may see, who is on no roll. It is all logged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import Progress

from gateway.cli import dates
from gateway.cli.child import NamedChild, names_child
from gateway.cli.console import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    counted,
    err,
    fails_clearly,
    now,
    out,
    registrar_of,
    registry,
    rfc3339,
    show,
    who,
)
from gateway.cli.documents import HtmlOption, deliver
from gateway.cli.options import WhyOption, reason_if_given
from gateway.errors import GatewayError
from gateway.registry import markers, staff

if TYPE_CHECKING:
    from gateway.record.children import FoundFile

app = typer.Typer(no_args_is_help=True, help="Which files hold a child. Every question is logged.")
WhyAskedOption = Annotated[
    str | None,
    typer.Option("--why", callback=reason_if_given, help="Why: for the record, without any pupil's data."),
]
FromOption = Annotated[
    datetime | None,
    typer.Option("--from", parser=dates.day, metavar="DAY", help="Who left since; 90 days ago if not given."),
]
_DAYS = 90


@app.command()
@fails_clearly
@names_child
def find(
    child: NamedChild,
    why: WhyAskedOption = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Which transfers hold a child, who had them and when, what is left."""
    from gateway.record import children  # noqa: PLC0415 - loads what opens

    with registrar_of(home) as registrar:
        found = children.find(registrar, child.asked(), by=who(), why=why)
    columns = ("reference", "provider", "data_type", "period", "state", "teams", "opened_by", "left")
    show([_row(one) for one in found.files], columns, as_json=as_json, empty="no file holds this child")
    if as_json:
        return
    for roll in found.rolls:
        on = "on" if roll.on_roll else "not on"
        out.print(f"{on} the roll of {roll.provider}: {roll.reference} record {roll.record}", soft_wrap=True)
    for marker in found.markers:
        out.print(f"marker {marker.number}: {_said(marker)}", soft_wrap=True)
    _tell_unindexed(found.unindexed)


@app.command()
@fails_clearly
@names_child
def report(
    child: NamedChild,
    why: WhyAskedOption = None,
    names: Annotated[
        bool, typer.Option("--names", help="Name the staff who opened a file, not their teams alone.")
    ] = False,
    html: HtmlOption = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """The same as a report, to answer a subject access request."""
    from gateway.record import children, subject_access  # noqa: PLC0415 - loads what opens
    from gateway.reports.subject_access import subject_access_report  # noqa: PLC0415

    with registrar_of(home) as registrar:
        found = children.find(registrar, child.asked(), by=who(), why=why, what="report")
        account = subject_access.account(registrar, found, names=names)
    deliver(subject_access_report(account, now()), html, as_json=as_json)


@app.command()
@fails_clearly
def index(home: HomeOption = DEFAULT_HOME) -> None:
    """Put the kept files into the index that are not in it yet. May be cut off and repeated."""
    from gateway.record.reindex import reindex  # noqa: PLC0415 - loads what opens

    with registrar_of(home) as registrar, Progress(console=err, transient=True) as bar:
        task = bar.add_task("indexing", total=None)
        done = reindex(registrar, lambda at, of: bar.update(task, completed=at, total=of))
    out.print(f"put into the index: {counted(done.done, 'file')}")
    if done.left:
        raise GatewayError(f"{counted(len(done.left), 'file')} could not be opened; the log above says why")


@app.command()
@fails_clearly
@names_child
def protect(
    child: NamedChild,
    person: Annotated[list[str], typer.Option(help="A member of staff who may see it; may be given again.")],
    why: WhyOption,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Let named people alone see the records of a child, those to come included."""
    with registry(home) as opened, opened.read() as session:
        for name in person:
            staff.get_staff(session, name)
    _mark(home, "named", child, person, why)


@app.command()
@fails_clearly
@names_child
def restrict(
    child: NamedChild,
    why: WhyOption,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Restrict the use of a child's data (UK GDPR Article 18): it is kept, and nobody collects it."""
    _mark(home, "restricted", child, (), why)


@app.command("markers")
@fails_clearly
def list_markers(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """The markers that are on. They name no child."""
    with registry(home) as opened, opened.read() as session:
        rows = [
            {
                "number": one.number,
                "kind": one.kind,
                "people": list(one.people),
                "files": one.files,
                "placed_at": one.placed_at,
                "placed_by": one.placed_by,
                "why": one.why,
            }
            for one in markers.list_markers(session)
        ]
    columns = ("number", "kind", "people", "files", "placed_at", "placed_by", "why")
    show(rows, columns, as_json=as_json, empty="no child is marked")


@app.command()
@fails_clearly
def unmark(
    number: Annotated[int, typer.Argument(metavar="N", help="The number of the marker.")],
    why: WhyOption,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Take a marker off, in your name."""
    from gateway.record import children  # noqa: PLC0415 - loads what opens

    with registrar_of(home) as registrar:
        children.unmark(registrar, number, by=who(), why=why)
    out.print(f"marker {number} is off")


@app.command()
@fails_clearly
def missing(since: FromOption = None, home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """Children who left a roll and are on none now: where each was seen last."""
    _left(home, since, moved=False, as_json=as_json)


@app.command()
@fails_clearly
def movers(since: FromOption = None, home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """Children who left a roll and are on another one now."""
    _left(home, since, moved=True, as_json=as_json)


def _left(home: Path, since: datetime | None, *, moved: bool, as_json: bool) -> None:
    from gateway.record import welfare  # noqa: PLC0415 - loads what opens
    from gateway.record.dual_control import name_of  # noqa: PLC0415

    begin = now() - timedelta(days=_DAYS) if since is None else since.replace(tzinfo=UTC)
    with registrar_of(home) as registrar:
        found = welfare.left(registrar, begin, moved=moved, by=who(), name=name_of(who()))
    rows = [
        {
            "left": rfc3339(one.left_at),
            "provider": one.provider,
            "reference": one.reference,
            "record": one.record,
            "now_at": one.to,
        }
        for one in found.children
    ]
    columns = ("left", "provider", "reference", "record", *(("now_at",) if moved else ()))
    show(rows, columns, as_json=as_json, empty="nobody")
    if found.hidden and not as_json:
        out.print(f"not shown, since only named people may see them: {found.hidden}")


def _mark(
    home: Path,
    kind: markers.Kind,
    child: NamedChild,
    people: list[str] | tuple[()],
    why: str,
) -> None:
    from gateway.record import children  # noqa: PLC0415 - loads what opens

    with registrar_of(home) as registrar:
        marker, unindexed = children.mark(registrar, kind, child.asked(), people, by=who(), why=why)
    out.print(f"marker {marker.number}, in {counted(marker.files, 'file')} by now: {_said(marker)}")
    _tell_unindexed(unindexed)


def _said(marker: markers.Marker) -> str:
    if marker.kind == "named":
        return f"only {', '.join(marker.people)} may see the records of this child"
    return "nobody is shown the records of this child"


def _tell_unindexed(count: int) -> None:
    if count:
        out.print(
            f"files that may hold the child and are not in the index yet: {count}; gateway pupils index",
            soft_wrap=True,
        )


def _row(one: FoundFile) -> dict[str, Any]:
    transfer = one.transfer
    gone = "deleted" if one.deleted_at is not None else "the sealed file"
    return {
        "reference": transfer.upload.reference,
        "provider": transfer.upload.provider,
        "data_type": transfer.data_type,
        "period": transfer.period,
        "state": transfer.state,
        "landed_at": rfc3339(transfer.upload.landed_at),
        "teams": list(transfer.teams),
        "opened_by": [f"{each.who} {each.at:%Y-%m-%d}" for each in one.openings],
        "openings": [{"at": rfc3339(each.at), "who": each.who, "team": each.team} for each in one.openings],
        "copies": list(one.copies),
        "left": f"{gone}, on hold" if one.on_hold else gone,
        "deleted_at": rfc3339(one.deleted_at),
        "on_hold": one.on_hold,
    }
