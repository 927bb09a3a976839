"""A hand-on of three files, declared in a gateway of the tests, and what lies in its batches."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import pysequoia

import gateway
from tests.clock import THIS_YEAR
from tests.content import core_data
from tests.policies import enact
from tests.workshop import Desk

GUIDE = Path(gateway.__file__).parents[1] / "docs" / "hand-on.md"
DECLARED = re.search(r"^```toml\n(#:schema.+?)^```", GUIDE.read_text(), re.MULTILINE | re.DOTALL)[1]
# The example of the guide, but at once, and into a folder.
NIGHTLY = re.sub(r"\[hand_on\.sftp\].+?\n\n", "", DECLARED, flags=re.DOTALL).replace("02:00", "at-once")
TEAM = "education-welfare"
CONTENT = core_data(pupils=4)


def declare(desk: Desk, text: str = NIGHTLY) -> None:
    (desk.home.policies / "hand_ons.toml").write_text(text)
    enact(desk.home.root)


def sent(desk: Desk, text: str = NIGHTLY) -> str:
    """A file that is handed on as `text` declares it, once the processor has looked; its reference."""
    declare(desk, text)
    oak = desk.provider("oak", years=THIS_YEAR, dfe_number="9994001")
    reference = desk.send(oak, CONTENT)
    desk.process()
    return reference


def place(desk: Desk, number: int = 1) -> Path:
    return desk.home.hand_on / "casework" / f"casework-{number:06}"


def rows(folder: Path, what: str) -> list[dict[str, str]]:
    (path,) = folder.glob(f"{what}_*.csv")
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def manifest(folder: Path, certificate: str) -> dict[str, Any]:
    """The manifest of a batch; fails unless the gateway signed it."""
    data = (folder / f"{folder.name}.json").read_bytes()
    signature = pysequoia.Sig.from_bytes((folder / f"{folder.name}.json.asc").read_bytes())
    gateway = pysequoia.Cert.from_bytes(certificate.encode())
    assert pysequoia.verify(bytes=data, signature=signature, store=lambda _: [gateway]).valid_sigs
    found: dict[str, Any] = json.loads(data)
    return found


def values(content: bytes, element: str) -> list[str]:
    """What stands in the elements of a name, in a Common Transfer File."""
    return re.findall(rf"<{element}>([^<]*)</{element}>", content.decode())
