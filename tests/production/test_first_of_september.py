"""What docs/admins.md says of a new school year, typed as it is written, with the clock put forward."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.homes.demo.parties import Party
from gateway.policy.catalogue import load_catalogue
from tests.production.guide import REPOSITORY, commands
from tests.production.test_admins_guide import MAY_EXIT_1, SCHOOLS, SEPTEMBER

pytestmark = [pytest.mark.long, pytest.mark.needs("faketime"), pytest.mark.timeout(300)]
JUNE, JULY, FIRST = "2027-06-15 09:00:00", "2027-07-05 09:00:00", "2027-09-01 09:00:00"
TERMS = """\
first,last,what
2027-09-02,2027-10-22,
01/11/2027,17/12/2027,
2028-01-04,2028-03-31,
2028-04-18,2028-07-21,
2027-09-01,,INSET
"""


class Office:
    """A home and whoever looks after it, at whatever moment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.oak = Party("oak", folder / "keys" / "oak")
        jane = Party("jane", folder / "keys" / "jane")
        (folder / "schools.csv").write_text(SCHOOLS)
        (folder / "terms.csv").write_text(TERMS)
        text = load_catalogue(REPOSITORY / "policies").agreement_text
        (folder / "agreement-2027.txt").write_text(text.replace("Version 2.0", "Version 2.1"), "utf-8")
        self.type(
            JUNE,
            'gateway init --organisation "Anyshire County Council"',
            "gateway providers import schools.csv",
            f"gateway providers add oak --name Oak --kind school --ssh-key {self.oak.ssh_public}"
            f" --openpgp-key {self.oak.certificate}",
            'gateway agreement ratify oak --signatory "A. Head"',
            f"gateway staff add jane --team central-data-team --ssh-key {jane.ssh_public}",
            'gateway flows expect oak ks1 no --why "a junior school"',
        )

    def type(self, moment: str, *lines: str) -> list[str]:
        """Type commands, one after another from a moment on; what each printed."""
        (library,) = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
        others = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
        clock = {"LD_PRELOAD": str(library), "FAKETIME": f"@{moment}", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        done = subprocess.run(
            [sys.executable, "-m", "tests.production.typed"], cwd=self.folder, input=json.dumps(lines),
            env={**others, **clock, "PYTHONPATH": str(REPOSITORY), "COLUMNS": "200", "TZ": "UTC"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        said = []
        for line, (code, out, err) in zip(lines, json.loads(done.stdout), strict=True):
            assert code in ({0, 1} if line.startswith(MAY_EXIT_1) else {0}), (line, code, out, err)
            said.append(str(out))
        return said

    def section(self, moment: str, title: str, *further: str) -> dict[str, str]:
        """Type a section of the guide, and further commands after it; what each printed."""
        lines = [*(one.text for one in commands("admins.md") if one.title == title), *further]
        return dict(zip(lines, self.type(moment, *lines), strict=True))


def test_a_year_is_opened_in_july_and_begins_on_the_first_of_september(tmp_path: Path) -> None:
    office = Office(tmp_path)
    july = office.section(JULY, SEPTEMBER[0])
    proposed, opened = [said for text, said in july.items() if text.startswith("gateway year open")]
    assert "nothing has changed yet" in proposed
    assert "5 education providers told" in opened
    assert "2027-09-02 to 2028-07-21 (written)" in opened
    assert "1 carried over" in opened
    receipts = tmp_path / "gateway-home" / "published" / "providers" / "oak" / "receipts"
    notices = [path.read_text() for path in receipts.glob("agreement-notice.*")]
    assert [any(words in one for one in notices) for words in ("HAS CHANGED", "READY")] == [True, True]
    asked = ("providers show beech", "year show", "flows status --provider oak", "staff list", "log verify")
    september = office.section(FIRST, SEPTEMBER[1], *(f"gateway {one} --json" for one in asked))
    beech, now, states, people, log = (json.loads(september[f"gateway {one} --json"]) for one in asked)
    assert "0 of 4 education providers" in september["gateway year show"]  # larch has closed.
    assert (beech["kind"], beech["urn"]) == ("academy", "100777")
    assert (now["academic_year"], now["ratified"], now["terms"]) == ("2027-28", 1, "written")
    assert {row["state"] for row in states if row["data_type"] == "ks1"} == {"not-expected"}
    assert people[0]["teams"] == ["sen"]
    assert log["fits"]
