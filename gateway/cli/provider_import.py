"""providers import: many providers at once, from a list such as the public extract of GIAS."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.console import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    counted,
    existing,
    fails_clearly,
    now,
    out,
    print_json,
    registry,
    show,
    who,
)
from gateway.cli.derived import add_acts, commands_of
from gateway.cli.enrol import verified_kinds
from gateway.cli.key_files import read_at_most, read_key_file
from gateway.cli.on_record import signed_head
from gateway.enrolment.provider_list import MOST_BYTES, ProviderList
from gateway.model import NewKey
from gateway.policy.bodies_schema import BodiesFile
from gateway.policy.catalogue import load_catalogue
from gateway.publish.projection import publish_access
from gateway.record.enroller import Enroller
from gateway.record.provider_list import AS_BEFORE, TakenIn, TriedError, take_in

app = commands_of("providers", "Enrol providers and look at them.", "gateway.acts.providers")
add_acts(app, "providers", "gateway.acts.provider_life")
_COLUMNS = ("line", "id", "name", "kind", "dfe_number", "urn", "keys", "what")


@app.command("import")
@fails_clearly
def import_list(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file whose first line names columns.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Enrol the providers in a CSV file, or bring what is on record of them up to date. All or nothing.

    It takes the columns of GIAS, the DfE's register of schools, as they are.
    """
    place, at = existing(home), now()
    catalogue = load_catalogue(place.policies_in_force)
    bodies, least = catalogue.bodies, catalogue.methods.strength.rsa_bits
    data = read_at_most(file, MOST_BYTES, "a list of providers")
    with registry(home) as opened:
        try:
            with opened.write() as session:
                enroller = Enroller(session=session, by=who(), at=at)
                taken = take_in(
                    enroller,
                    data,
                    bodies,
                    file.parent,
                    partial(_judged, at=at, least=least, verified=verified_kinds(place)),
                )
                signed_head(session, place)
                if dry_run:
                    raise TriedError  # noqa: TRY301 - the transaction is given up by leaving it
        except TriedError:
            pass
        else:
            publish_access(opened, place.published, at)
    rows = [_row(one) for one in taken.lines]
    if as_json:
        print_json(rows)
        return
    _tell(rows, taken.read, bodies, dry_run=dry_run)


def _judged(file: Path, *, at: datetime, least: int, verified: Container[str]) -> NewKey:
    from gateway.enrolment.key_file import judge  # noqa: PLC0415 - loads asyncssh

    return judge(read_key_file(file), at, least, verified)


def _row(one: TakenIn) -> dict[str, Any]:
    listed = one.listed
    return {
        "line": listed.line,
        "id": listed.id,
        "name": listed.name,
        "kind": listed.kind,
        "dfe_number": listed.dfe_number,
        "urn": listed.urn,
        "keys": one.keys,
        "what": one.what,
    }


def _tell(rows: list[dict[str, Any]], listed: ProviderList, bodies: BodiesFile, *, dry_run: bool) -> None:
    told = [row for row in rows if row["what"] != AS_BEFORE or row["keys"]]
    if dry_run:
        show(told, _COLUMNS, as_json=False, empty="")
    counts = Counter(str(row["what"]).partition(":")[0] for row in rows)
    done = ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
    out.print(f"{'would be' if dry_run else 'done'}: {done or 'nothing'}", soft_wrap=True)
    for why, count in sorted(Counter(why for _, why in listed.passed_over).items()):
        out.print(f"passed over: {counted(count, 'line')} ({why})", soft_wrap=True, markup=False)
    without = sum(not row["dfe_number"] for row in rows if bodies.of(row["kind"]).own_pupils)
    if without:
        out.print(f"without a DfE number: {without}; a file that names another school is not noticed")
    if added := sum(row["keys"] for row in rows):
        out.print(
            f"{counted(added, 'key')} to be confirmed: ring each provider, then gateway keys confirm ID FPR",
            soft_wrap=True,
        )
