"""policy pack: the legal requirements of an academic year, as signed data."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.console import DEFAULT_HOME, HomeOption, JsonOption, existing, fails_clearly, now, out, show
from gateway.home.settings import load_settings
from gateway.log.checkpoint import LogKey
from gateway.policy.catalogue import load_catalogue
from gateway.policy.dates import local_day
from gateway.policy.timescale import names_today, standing_of, told_today
from gateway.zones.spool import write_durably

app = typer.Typer(
    no_args_is_help=True, help="What the law asks for in a year: packs of layouts, codes and days."
)
PackArgument = Annotated[
    Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="law-YYYY-YY.toml")
]


@app.command("list")
@fails_clearly
def list_packs(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """List the packs of the policies in force, with the one for files about today."""
    catalogue = load_catalogue(existing(home).policies_in_force)
    today = local_day(now(), catalogue.calendar.timezone)
    rows = [
        {
            "pack": each.academic_year,
            "first": each.first.isoformat(),
            "last": each.last.isoformat(),
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
        for line in told_today(names_today(catalogue, today)):
            out.print(line, soft_wrap=True)


@app.command()
@fails_clearly
def install(pack: PackArgument, home: HomeOption = DEFAULT_HOME) -> None:
    """Put a signed pack into the draft policies; the signature is beside the pack as FILE.note.

    Decides after proposal and approval, from the pack's first day on.
    """
    from gateway.record import policy_drafts  # noqa: PLC0415 - loads the registry's libraries

    place = existing(home)
    note = policy_drafts.note_beside(pack).read_text("utf-8")
    found = policy_drafts.install(pack, note, load_settings(place).log.law_publishers, place.policies)
    out.print(f"{pack.name} is in the draft: what it says holds from {found.first} on", soft_wrap=True)
    out.print(f"see what it changes: gateway policy simulate --pack {pack}", soft_wrap=True)
    out.print("then: gateway policy propose", soft_wrap=True)


@app.command()
@fails_clearly
def sign(
    pack: PackArgument,
    publisher: Annotated[str, typer.Option(help="Who publishes it: a name that ends in /law.")],
    key: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="Its Ed25519 secret key, as PEM.")],
) -> None:
    """Sign a pack as publisher: write FILE.note, and print the verifier key for installers."""
    from gateway.record import policy_drafts  # noqa: PLC0415 - as above

    secret = LogKey.load(key.read_bytes())
    note = policy_drafts.note_beside(pack)
    write_durably(note, policy_drafts.sign(pack, publisher, secret).encode(), mode=0o644)
    out.print(f'{note} is written; law_publishers = ["{secret.vkey(publisher)}"]', soft_wrap=True)
