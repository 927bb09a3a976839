"""policy: consistency of the policies, their decisions with reasons, and the effects of an edit."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from gateway.acts.policy_explain import ExplainDecision, decision_object
from gateway.cli import (
    dates,
    policy_check,
    policy_confirm,
    policy_diff,
    policy_new,
    policy_optional,
    policy_pack,
    policy_propose,
    policy_simulate,
)
from gateway.cli.console import DEFAULT_HOME, HomeOption, JsonOption, fails_clearly, out, print_json, registry
from gateway.cli.derived import command_of, commands_of
from gateway.errors import GatewayError
from gateway.home import Home
from gateway.model import Provider
from gateway.policy.explain import render

if TYPE_CHECKING:
    from gateway.processor.dry_run import Trial


def add_to(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("check")(policy_check.check)
    app.command("confirm")(policy_confirm.confirm)
    app.command("diff")(policy_diff.diff)
    app.command("simulate")(policy_simulate.simulate)
    for command in (policy_propose.propose, policy_propose.approve, policy_propose.withdraw):
        app.command()(command)
    app.add_typer(policy_new.app, name="new")
    app.add_typer(policy_optional.app, name="optional")
    app.add_typer(policy_pack.app, name="pack")
    app.command("roll-back")(policy_propose.roll_back)
    app.command("status")(policy_propose.status)


app = typer.Typer(no_args_is_help=True, help="The policies: checked, explained, tried and compared.")
_HARMLESS = "Columns that are listed as harmless; files with them pass."
app.add_typer(commands_of("policy harmless", _HARMLESS, "gateway.acts.harmless"), name="harmless")
app.command("explain")(command_of(ExplainDecision))
add_to(app)


@app.command("test")
@fails_clearly
def try_out(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A plain file, or one sealed to this gateway.")
    ],
    sender: Annotated[
        str,
        typer.Option("--as", metavar="PROVIDER", help="A provider, or a kind of provider such as school."),
    ],
    on: Annotated[
        datetime | None,
        typer.Option(
            parser=dates.local_time,
            metavar="DAY|TIME",
            help="A day (at noon) or a local time; now if not given.",
        ),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--policies", help="Other policies than those of the home.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Say what would become of a provider's file on a day. Nothing is sent, kept or logged."""
    from gateway.cli.classify import described  # noqa: PLC0415
    from gateway.examiner.parent import Examiner  # noqa: PLC0415 - loads the OpenPGP libraries
    from gateway.processor.dry_run import try_file  # noqa: PLC0415 - the same
    from gateway.record.policies_in_force import load_policies  # noqa: PLC0415

    place = Home(home)
    policies = load_policies(folder or place.policies_in_force)
    trial = _trial(file, sender, dates.moment(on, policies.catalogue), policies.catalogue.bodies.kinds())
    with registry(place.root) as opened, closing(Examiner(place, policies.folder)) as examiner:
        try:
            tried = try_file(trial, policies.catalogue, examiner, place, opened)
        except OSError as error:
            raise GatewayError(f"{file} cannot be read: {error.strerror}") from None
    if as_json:
        found = None if tried.found is None else described(file, tried.found)
        told = {"file": str(file), "found": found, "counted": tried.counted}
        print_json(decision_object(tried.decision) | told)
        return
    out.print(Text(render(tried.decision, policies.catalogue)), soft_wrap=True)
    if tried.counted:
        out.print(f"counts, without records of pupils, for: {', '.join(tried.counted)}", soft_wrap=True)


def _trial(file: Path, sender: str, at: datetime, kinds: Collection[str]) -> Trial:
    from gateway.processor.dry_run import Trial  # noqa: PLC0415

    if sender not in kinds:
        return Trial(file=file, provider=sender, at=at)
    anyone = Provider(id=sender, name=sender, kind=sender, ratified=True)
    return Trial(file=file, provider=sender, at=at, anyone=anyone)
