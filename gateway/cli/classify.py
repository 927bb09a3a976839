"""classify: recognise a plain file offline, by the policies of the home or the shipped ones."""

import dataclasses
from datetime import date
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer
from rich.console import Console
from rich.progress import track
from rich.text import Text

from gateway.cli.console import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    complain,
    existing,
    fails_clearly,
    out,
    plain,
    print_json,
)
from gateway.errors import GatewayError
from gateway.model import Classified, ContentRefused, counted
from gateway.reasons import told
from gateway.reports.document import school_in_words, unlisted_in_words
from gateway.zones.sealing import ENOUGH_BYTES, is_sealed

_FEW = 20


@fails_clearly
def classify_files(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Plain files, before they are sealed.")
    ],
    policies: Annotated[
        Path | None,
        typer.Option(help="A policies folder; that of the home, or the shipped one where there is none."),
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Say what plain files are, why, what they hold and what is wrong with them. Nothing is sent."""
    from gateway.classify import classify, load_rules  # noqa: PLC0415 - keeps --help quick
    from gateway.home.settings import ClassifyLimits  # noqa: PLC0415
    from gateway.policy.shipped import shipped_policies  # noqa: PLC0415

    no_home = home == DEFAULT_HOME and not home.exists()
    rules = load_rules(policies or (shipped_policies() if no_home else existing(home).policies_in_force))
    rows: list[dict[str, Any]] = []
    complaints: list[str] = []
    progress = Console(stderr=True)
    for file in track(files, "classifying", console=progress, transient=True, disable=len(files) < _FEW):
        try:
            with file.open("rb") as content:
                _check_plain(file, content)
                found = classify(content, file.name, ClassifyLimits(), rules, today=date.today())  # noqa: DTZ011
            rows.append(described(file, found))
        except OSError as error:
            complaints.append(f"{file} cannot be read: {error.strerror}")
        except GatewayError as error:
            complaints.append(str(error))
    if as_json:
        print_json(rows)
    else:
        for row in rows:
            _print(row)
    for complaint in complaints:
        complain(complaint)
    if complaints:
        raise typer.Exit(1)


def _check_plain(file: Path, content: BinaryIO) -> None:
    """GatewayError for an encrypted file: the contents are unreadable."""
    start = content.read(ENOUGH_BYTES)
    content.seek(0)
    if is_sealed(start):
        raise GatewayError(f"{file} is encrypted; give the plain file, as it was before gpg encrypted it")


def described(file: Path, found: Classified | ContentRefused) -> dict[str, Any]:
    """Return the findings by the contract of `classify --json`."""
    refused = found if isinstance(found, ContentRefused) else None
    recognised = found if isinstance(found, Classified) else None
    return {
        "file": str(file),
        "data_type": recognised.data_type if recognised else None,
        "level": recognised.level if recognised else None,
        "code": refused.code if refused else None,
        "about": (refused.about or "something unknown") if refused else None,
        "evidence": list(found.evidence),
        "runner_up": found.runner_up,
        "mixed_with": recognised.mixed_with if recognised else None,
        "format": found.format,
        "pupils": recognised.pupils if recognised else None,
        "facts": dataclasses.asdict(recognised.facts) if recognised else None,
        "findings": [dataclasses.asdict(f) for f in recognised.findings] if recognised else [],
        "items": list(recognised.items) if recognised else [],
        "other_items": list(recognised.other_items) if recognised else [],
        "schools": [dataclasses.asdict(one) for one in recognised.schools] if recognised else [],
        "unlisted": [dataclasses.asdict(one) for one in recognised.unlisted] if recognised else [],
        "results": list(recognised.results) if recognised else [],
        "sensitive": list(refused.sensitive) if refused else [],
        "name_suggests": recognised.name_suggests if recognised else None,
        "parts": [described(file, part) for part in refused.parts] if refused else [],
    }


def _print(row: dict[str, Any]) -> None:
    out.print(Text(plain(row["file"]), style="bold"))
    if row["data_type"] is None:
        about = {
            "kind": row["about"] or row["runner_up"] or "another collection",
            "kinds": "mock, predicted or forecast",
            "what": row["about"],
            "count": len(row["parts"]),
        }
        sentence, _ = told(row["code"], **about)
        out.print(Text(f"  {sentence} [{row['code']}]"))
    else:
        count = "" if row["pupils"] is None else f", {counted(row['pupils'], 'pupil')}"
        out.print(Text(f"  {row['data_type']} ({row['level']}, {row['format']}{count})"))
    for label, lines in (("because", row["evidence"]), ("not in Appendix A", row["other_items"])):
        for line in lines:
            out.print(Text(f"  {label}: {plain(line)}"))
    for one in row["schools"]:
        out.print(Text(f"  school: {plain(school_in_words(one))}"))
    for one in row["unlisted"]:
        out.print(Text(f"  not listed: {plain(unlisted_in_words(one))}"))
    for topic in row["sensitive"]:
        out.print(Text(f"  sensitive: {plain(topic)}"))
    for finding in row["findings"]:
        out.print(
            Text(f"  {finding['severity']}: {finding['code']} in {counted(finding['count'], 'record')}")
        )
