"""classify: recognise a plain file offline, by the policies of the home or the shipped ones."""

import dataclasses
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import track
from rich.text import Text

from gateway.classify import classify, load_rules
from gateway.cli.commands import HomeOption, JsonOption, fails_clearly
from gateway.cli.console import complain, existing, out, plain, print_json
from gateway.errors import GatewayError
from gateway.home import DEFAULT_HOME
from gateway.home.settings import ClassifyLimits
from gateway.model import Classified, ContentRefused, counted
from gateway.policy.shipped import shipped_policies
from gateway.reasons import school_in_words, sentence_and_step, unlisted_in_words
from gateway.zones.sealing import ENOUGH_BYTES, is_sealed

_FEW = 20


@fails_clearly
def classify_files(
    home: HomeOption,
    files: Annotated[list[Path], "FILE...", "Plain files, before they are sealed."],
    policies: Annotated[
        Path | None, "A policies folder; that of the home, or the shipped one where there is none."
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what plain files are, why, what they hold and what is wrong with them. Nothing is sent."""
    no_home = home == DEFAULT_HOME and not home.exists()
    rules = load_rules(policies or (shipped_policies() if no_home else existing(home).policies_in_force))
    seen: list[tuple[Path, Classified | ContentRefused]] = []
    complaints: list[str] = []
    progress = Console(stderr=True)
    for file in track(files, "classifying", console=progress, transient=True, disable=len(files) < _FEW):
        try:
            with file.open("rb") as content:
                if is_sealed(content.read(ENOUGH_BYTES)):
                    complaints.append(
                        f"{file} is encrypted; give the plain file, as it was before gpg encrypted it"
                    )
                    continue
                content.seek(0)
                found = classify(content, file.name, ClassifyLimits(), rules, today=date.today())  # noqa: DTZ011
            seen.append((file, found))
        except OSError as error:
            complaints.append(f"{file} cannot be read: {error.strerror}")
        except GatewayError as error:
            complaints.append(str(error))
    if as_json:
        print_json([described(file, found) for file, found in seen])
    else:
        for file, found in seen:
            _print(file, found)
    for complaint in complaints:
        complain(complaint)
    if complaints:
        raise typer.Exit(1)


def described(file: Path, found: Classified | ContentRefused) -> dict[str, Any]:
    """Return the findings on a file in the documented form of `classify --json`."""
    told: dict[str, Any] = {
        "file": str(file), "data_type": None, "level": None, "code": None, "about": None, "evidence": [],
        "runner_up": None, "mixed_with": None, "format": None, "pupils": None, "facts": None, "findings": [],
        "items": [], "other_items": [], "schools": [], "unlisted": [], "results": [], "sensitive": [],
        "name_suggests": None, "parts": [],
    }  # fmt: skip
    told |= {name: value for name, value in dataclasses.asdict(found).items() if name in told}
    if isinstance(found, ContentRefused):
        told["about"] = found.about or "something unknown"
        told["parts"] = [described(file, part) for part in found.parts]
    return told


def _print(file: Path, found: Classified | ContentRefused) -> None:
    out.print(Text(plain(file), style="bold"))
    if isinstance(found, ContentRefused):
        about, parts = found.about or "something unknown", len(found.parts)
        sentence, _ = sentence_and_step(found.code, kind=about, kinds=about, what=about, count=parts)
        out.print(Text(f"  {sentence} [{found.code}]"))
        lines = [("because", found.evidence), ("sensitive", found.sensitive)]
    else:
        count = "" if found.pupils is None else f", {counted(found.pupils, 'pupil')}"
        out.print(Text(f"  {found.data_type} ({found.level}, {found.format}{count})"))
        lines = [
            ("because", found.evidence),
            ("not in Appendix A", found.other_items),
            ("school", tuple(map(school_in_words, found.schools))),
            ("not listed", tuple(map(unlisted_in_words, found.unlisted))),
        ]
    for label, each in ((label, one) for label, some in lines for one in some):
        out.print(Text(f"  {label}: {plain(each)}"))
    for one in found.findings if isinstance(found, Classified) else ():
        out.print(Text(f"  {one.severity}: {one.code} in {counted(one.count, 'record')}"))
