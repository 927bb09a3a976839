"""The commands around an edit of the policies: check, confirm, compare, and try on past files."""

from __future__ import annotations

import typer

from gateway.cli import (
    policy_check,
    policy_confirm,
    policy_diff,
    policy_new,
    policy_optional,
    policy_pack,
    policy_propose,
    policy_simulate,
)


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
