"""Homes that earlier releases made, with a term's traffic, are brought up to this version, or taken back."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tarfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import pytest

from gateway.cli.console import now
from gateway.errors import GatewayError
from gateway.home import Home, policy_digest
from gateway.homes.backup import at_work
from gateway.homes.upgrade import look
from gateway.policy.catalogue import load_catalogue
from gateway.processor.service import open_processor
from gateway.processor.work import home_of_its_own
from gateway.record.policy_check import check
from gateway.record.upgrade import UpgradePlan, agree, draft_folder, plan_file, read_plan
from gateway.registry.database import Registry, newest_revision
from gateway.zones.failpoints import VARIABLE, UpgradeStep
from gateway.zones.places import last_backup
from tests import warm
from tests.commands import Result, invoke
from tests.ending import ending

pytestmark = pytest.mark.long

HOMES = Path(__file__).parents[1] / "vectors" / "homes"
RELEASES = sorted(path.name.removesuffix(".tar.xz") for path in HOMES.iterdir())
"""Homes as `tests.homes.release` made them with each release, at the commits 0c28960 and 1aaf765."""

ANOTHER_TEAM = (
    "flows.toml",
    '"central-data-team", "school-place',
    '"central-data-team", "education-welfare", "school-place',
)
"""An edit of the policies: file, before and after."""


@pytest.fixture(params=RELEASES)
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    return unpacked(request.param, tmp_path)


def unpacked(release: str, folder: Path) -> Home:
    with tarfile.open(HOMES / f"{release}.tar.xz") as archive:
        archive.extractall(folder, filter="tar")  # As it was: modes, too.
    return Home(folder / "home")


def upgrade(home: Home, *options: str, by: str = "ann") -> Result:
    environment = {"COLUMNS": "200", "GATEWAY_ADMIN": by}
    return invoke(home.root, "upgrade", *options, environment=environment)


def edit(home: Home, name: str, before: str, after: str) -> None:
    """Edit a file of the policies in force: the first release let one administrator decide alone."""
    file = home.policies_in_force / name
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after, 1))
    digest = policy_digest(home.policies_in_force)
    home.policies_in_force.rename(home.version(digest))
    (home.versions / "current").write_text(f"{digest}\n")


def as_it_is(home: Home) -> dict[str, bytes | str]:
    """Every file of a home but the registry, whose rows are told as SQL."""
    found: dict[str, bytes | str] = {
        str(path.relative_to(home.root)): path.read_bytes()
        for path in sorted(home.root.rglob("*"))
        if path.is_file() and not path.name.startswith("registry.db")
    }
    with closing(sqlite3.connect(home.registry)) as registry:
        found["registry.db"] = "\n".join(registry.iterdump())
    return found


def agreed(home: Home, backup: Path) -> None:
    assert "a second person" in upgrade(home, "--apply", "--backup", str(backup)).stdout
    alone = upgrade(home, "--apply", "--backup", str(backup), by="ben")  # Nobody answers.
    asked = alone.stdout
    assert f"look at {draft_folder(home)}. You are asked, unless you say --yes" in " ".join(asked.split())
    assert "limits.toml: intake.uploads_per_day: kept: 12000" in asked  # What the draft has of its own.
    assert "nobody said yes, so nothing was changed" in " ".join(alone.stderr.split())
    result = upgrade(home, "--apply", "--yes", "--backup", str(backup), by="ben")
    assert result.exit_code == 0, result.output
    assert "upgraded" in result.stdout


def holds(home: Home) -> None:
    assert not check(home.policies_in_force)
    assert home.policies_in_force.name == policy_digest(home.policies) == policy_digest(draft_folder(home))
    verified = invoke(home.root, "log", "verify", "--sealed")
    assert verified.exit_code == 0, verified.output
    assert "nothing needs doing" in upgrade(home).stdout


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_a_look_changes_nothing(home: Home, options: tuple[str, ...]) -> None:
    before = as_it_is(home)
    result = upgrade(home, *options)
    assert result.exit_code == 0, result.output
    assert "table changes: " in result.stdout
    assert "every entry of the log holds" in result.stdout
    assert as_it_is(home) == before


def test_a_rehearsal_that_was_killed_leaves_no_copy_of_the_registry(tmp_path: Path) -> None:
    home = unpacked("2026-11-28", tmp_path)
    killed, busy = home.root / ".rehearsal-1", home.root / ".rehearsal-2"
    for place in (killed, busy):
        place.mkdir()
        shutil.copy(home.registry, place)
    with at_work(busy):
        upgrade(home)
        assert list(home.root.glob(".rehearsal-*")) == [busy]


def test_the_processor_changes_nothing_before_people_have_agreed(home: Home) -> None:
    before = as_it_is(home)
    result = invoke(home.root, "process")
    assert "gateway upgrade" in result.stderr
    checked = invoke(home.root, "policy", "check")
    assert (checked.stdout, checked.stderr.count("\n")) == ("", 1)
    assert "gateway upgrade says what to do" in checked.stderr
    assert as_it_is(home) == before


def test_two_people_upgrade_it(home: Home, tmp_path: Path) -> None:
    agreed(home, tmp_path / "backup")
    holds(home)
    with closing(sqlite3.connect(home.registry)) as registry:
        acted = registry.execute("SELECT kind, actor FROM event WHERE kind LIKE 'policy-%'").fetchall()
    assert acted[-3:] == [
        ("policy-proposed", "ann (as root)"),
        ("policy-approved", "ben (as root)"),
        ("policy-loaded", None),
    ]
    assert last_backup(home) is None  # One for the upgrade is not the first of many.


def test_one_person_does_not(home: Home, tmp_path: Path) -> None:
    upgrade(home, "--apply", "--backup", str(tmp_path / "backup"))
    result = upgrade(home, "--apply", "--yes", "--backup", str(tmp_path / "backup"))
    assert "somebody else agrees" in result.stderr
    with closing(Registry(f"sqlite:///{home.registry}")) as registry:
        assert registry.revision() != newest_revision()


def test_the_account_that_a_name_was_used_under_is_no_second_person() -> None:
    plan = UpgradePlan(by="ann (as root)", at=datetime.now(UTC), before="")
    with pytest.raises(GatewayError, match="somebody else agrees"):
        agree(plan, "root")
    assert agree(plan, "ben (as root)").approved_by == "ben (as root)"


def test_who_agrees_sees_what_is_kept_and_what_to_tell_schools(tmp_path: Path) -> None:
    home, options = (
        unpacked("2026-11-24", tmp_path),
        ("--apply", "--yes", "--backup", str(tmp_path / "backup")),
    )
    upgrade(home, *options)
    result = upgrade(home, *options, by="ben")
    assert "limits.toml: intake.uploads_per_day: kept: 12000" in result.stdout
    assert "tell schools yourself what is new in Appendix A" in " ".join(result.stdout.split())
    assert "WARNING" not in result.stderr


def test_own_edits_stay(tmp_path: Path) -> None:
    home = unpacked("2026-11-24", tmp_path)
    edit(home, *ANOTHER_TEAM)
    found = look(home)
    assert set(found.edits) == {
        "flows.toml: flow.school-census.data_type.school-census.teams: kept",
        "limits.toml: intake.uploads_per_day: kept",
    }
    assert found.files is not None
    assert "uploads_per_day = 12_000" in found.files["limits.toml"] or "12000" in found.files["limits.toml"]


def test_a_fault_is_mended_in_the_draft(tmp_path: Path) -> None:
    home = unpacked("2026-11-24", tmp_path)
    own = '[[team]]\nid = "our-own"\n'
    edit(home, "teams.toml", "[[team]]\n", f"{own}\n[[team]]\n")
    assert "fault: policies/teams.toml" in upgrade(home).stdout
    upgrade(home, "--draft")
    teams = draft_folder(home) / "teams.toml"
    assert own in teams.read_text()
    teams.write_text(teams.read_text().replace(own, ""))
    assert not look(home).faults, look(home).faults


def test_policies_that_came_into_force_after_the_draft_are_in_the_upgrade(tmp_path: Path) -> None:
    home = unpacked("2026-11-24", tmp_path)
    options = ("--apply", "--yes", "--backup", str(tmp_path / "backup"))
    upgrade(home, *options)
    edit(home, *ANOTHER_TEAM)
    assert "was made from other policies" in upgrade(home, *options, by="ben").stdout
    assert "written" in upgrade(home, "--draft").stdout
    agreed(home, tmp_path / "backup")
    flow = load_catalogue(home.policies_in_force).flow_of("school-census")
    assert flow is not None
    assert "education-welfare" in flow.of("school-census").teams


@pytest.fixture(scope="module", params=RELEASES)
def agreed_upon(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose upgrade two people have agreed to while its processor was at work."""
    folder = tmp_path_factory.mktemp("agreed")
    home, backup = unpacked(request.param, folder), str(folder / "backup")
    with home_of_its_own(home):
        upgrade(home, "--apply", "--backup", backup)
        result = upgrade(home, "--apply", "--yes", "--backup", backup, by="ben")
    assert "restart gateway-processor" in result.stdout
    return home.root


@pytest.fixture
def waiting(agreed_upon: Path, tmp_path: Path) -> Home:
    return Home(Path(shutil.copytree(agreed_upon, tmp_path / "home")))


def test_the_next_processor_carries_out_what_was_agreed(waiting: Home) -> None:
    plan = read_plan(waiting)
    assert plan is not None
    assert plan.applied_at is None
    with open_processor(waiting, now) as processor:
        processor.drain()
    holds(waiting)


@pytest.mark.parametrize("agreed_upon", RELEASES[:1], indirect=True)
def test_all_services_start_where_the_processor_carries_out_what_was_agreed(waiting: Home) -> None:
    assert "gateway upgrade says what to do" in invoke(waiting.root, "serve", "mailboxes").stderr
    free = (f"--{name}-port=0" for name in ("intake", "mailboxes", "console"))
    command = [sys.executable, "-m", "gateway", "run", "--home", str(waiting.root), *free]
    supervisor = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    with ending(supervisor):
        assert supervisor.stdout is not None
        assert supervisor.stdout.readline().startswith("ready intake ")


@pytest.mark.parametrize("agreed_upon", RELEASES[:1], indirect=True)
def test_what_was_agreed_before_other_policies_came_into_force_is_not_carried_out(waiting: Home) -> None:
    edit(waiting, *ANOTHER_TEAM)
    assert "agree on it again" in invoke(waiting.root, "process").stderr
    assert read_plan(waiting) is None
    assert "of an earlier version" in invoke(waiting.root, "doctor").stdout


@pytest.mark.parametrize("agreed_upon", RELEASES[:1], indirect=True)
def test_a_look_at_what_was_agreed_does_not_carry_it_out(waiting: Home) -> None:
    before = as_it_is(waiting)
    assert upgrade(waiting, "--dry-run").exit_code == 0
    assert as_it_is(waiting) == before
    assert upgrade(waiting, "--dry-run", "--undo").exit_code == 2
    assert as_it_is(waiting) == before


@pytest.mark.parametrize("agreed_upon", RELEASES[:1], indirect=True)  # test_term_upgraded.py kills with each
@pytest.mark.parametrize("step", get_args(UpgradeStep))
def test_killed_anywhere_it_goes_on(step: str, waiting: Home) -> None:
    killed = warm.run(
        [sys.executable, "-m", "gateway", "upgrade"],
        env={**os.environ, VARIABLE: step, "GATEWAY_HOME": str(waiting.root)},
        check=False,
    )
    assert killed.returncode == -9
    assert "upgraded" in upgrade(waiting).stdout
    holds(waiting)


def test_it_is_taken_back(home: Home, tmp_path: Path) -> None:
    before = as_it_is(home)
    agreed(home, tmp_path / "backup")
    result = upgrade(home, "--undo")
    assert result.exit_code == 0, result.output
    after = as_it_is(home)
    with closing(sqlite3.connect(home.registry)) as registry:
        ((head,),) = registry.execute("SELECT text FROM checkpoint ORDER BY size DESC LIMIT 1").fetchall()
    # The newest head of before: it may not have been brought out yet.
    before["published/log/checkpoint"] = head.encode()
    assert {name: text for name, text in after.items() if name in before} == before
    agreed(home, tmp_path / "another")
    holds(home)


def test_an_upgrade_that_was_only_put_forward_is_withdrawn(tmp_path: Path) -> None:
    home, backup = unpacked("2026-11-28", tmp_path), str(tmp_path / "backup")
    assert "a second person" in upgrade(home, "--apply", "--backup", backup).stdout
    result = upgrade(home, "--undo")
    assert result.exit_code == 0, result.output
    assert "withdrawn" in result.stdout
    assert read_plan(home) is None
    assert "a second person" in upgrade(home, "--apply", "--backup", backup, by="ben").stdout
    assert not Path(backup).exists()


def test_it_is_not_taken_back_once_the_new_version_has_acted(home: Home, tmp_path: Path) -> None:
    agreed(home, tmp_path / "backup")
    invoke(
        home.root,
        "providers",
        "add",
        "yew",
        "--name",
        "Yew School",
        "--kind",
        "school",
        "--dfe-number",
        "9991234",
    )
    result = upgrade(home, "--undo")
    assert result.exit_code == 1
    assert "provider-added" in result.stderr
    holds(home)


def test_it_is_not_taken_back_once_somebody_put_other_policies_forward(home: Home, tmp_path: Path) -> None:
    agreed(home, tmp_path / "backup")
    draft = Path(shutil.copytree(home.policies_in_force, tmp_path / "draft"))
    (draft / "limits.toml").write_text(
        f"{(draft / 'limits.toml').read_text('utf-8')}\n# Looked at.\n", "utf-8"
    )
    proposed = invoke(home.root, "policy", "propose", str(draft), environment={"GATEWAY_ADMIN": "ann"})
    assert proposed.exit_code == 0, proposed.output
    result = upgrade(home, "--undo")
    assert result.exit_code == 1
    assert "policy-proposed" in result.stderr
    assert read_plan(home) is not None


def test_it_is_not_taken_back_where_the_backup_lacks_what_was_decided_while_it_was_made(
    home: Home, tmp_path: Path
) -> None:
    agreed(home, tmp_path / "backup")
    with closing(sqlite3.connect(tmp_path / "backup" / "registry.db")) as backup:
        backup.execute(
            "DELETE FROM event WHERE number >= (SELECT max(number) FROM event WHERE kind = 'decided')"
        )
        backup.commit()
    result = upgrade(home, "--undo")
    assert result.exit_code == 1
    assert "decided" in result.stderr
    holds(home)


@pytest.mark.parametrize("torn", [b"", b"SQLite format 3\0 and no more"])
def test_it_is_not_taken_back_by_a_backup_that_is_damaged(torn: bytes, home: Home, tmp_path: Path) -> None:
    agreed(home, tmp_path / "backup")
    (tmp_path / "backup" / "registry.db").write_bytes(torn)
    result = upgrade(home, "--undo")
    assert result.exit_code != 0
    assert "bring the backup back first" in " ".join(result.stderr.split())
    holds(home)


def test_a_plan_that_an_earlier_build_wrote_is_read(waiting: Home) -> None:
    plan = read_plan(waiting)
    assert plan is not None
    plan_file(waiting).write_text(json.dumps(json.loads(plan.model_dump_json()) | {"entries": 12}))
    assert read_plan(waiting) == plan


@pytest.mark.parametrize("options", [(), ("--deep",)])
def test_doctor_says_that_it_is_of_an_earlier_version(home: Home, options: tuple[str, ...]) -> None:
    result = invoke(home.root, "doctor", *options)
    assert "of an earlier version" in result.stdout
    assert "gateway upgrade" in result.stdout
    for command in (("status",), ("held", "list"), ("log", "verify")):
        said = invoke(home.root, *command).stderr
        assert "the registry is of an earlier version of the gateway: gateway upgrade" in " ".join(
            said.split()
        )
