"""policy check: every fault of the policies, in one run."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from gateway.cli.console import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    existing,
    fails_clearly,
    now,
    out,
    plain,
    print_json,
    registry,
)
from gateway.errors import ConfigurationError
from gateway.home import Home
from gateway.home.settings_file import nearest
from gateway.model import counted
from gateway.policy.calendar_schema import CalendarFile
from gateway.policy.catalogue import read
from gateway.policy.faults import PolicyFault
from gateway.policy.new_flow import declare
from gateway.registry import providers


@fails_clearly
def check(
    folder: Annotated[
        Path | None, typer.Argument(help="A policies folder; that of the home if not given.")
    ] = None,
    mend: Annotated[
        bool, typer.Option("--mend", help="First declare the data types and items that it does not list.")
    ] = False,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Name every fault of the policies: file, line and key. Exit 1 where there is any."""
    from gateway.record.policy_check import check as faults_of  # noqa: PLC0415 - loads the classifier

    policies = folder or existing(home).policies
    if not policies.is_dir():
        raise ConfigurationError(f"{policies} is no folder")
    for name in declare(policies) if mend else ():
        if not as_json:
            out.print(f"{name}: what the agreement does not list is declared", soft_wrap=True)
    faults = [*faults_of(policies, now().date()), *(() if folder else _unknown_providers(home))]
    if as_json:
        print_json([dataclasses.asdict(fault) for fault in faults])
    else:
        for fault in faults:
            out.print(Text(plain(fault)), soft_wrap=True)
        out.print(
            f"{counted(len(faults), 'fault')} in {policies}" if faults else f"no fault in {policies}",
            soft_wrap=True,
        )
    if faults:
        raise typer.Exit(1)


def _unknown_providers(home: Path) -> Iterator[PolicyFault]:
    """Yield the providers with training days in the calendar and without enrolment."""
    reading = read(Home(home).policies)
    calendar = reading.models.get("calendar.toml")
    given = calendar.inset if isinstance(calendar, CalendarFile) else ()
    if not given:
        return
    with registry(home) as opened, opened.read() as session:
        known = providers.added(session)
    for n, inset in enumerate(given):
        if inset.provider not in known:
            words = f"there is no provider {inset.provider}{nearest(inset.provider, known)}"
            reading.blame("calendar.toml", ("inset", n, "provider"), words)
            yield reading.faults[-1]
