"""Upgrade a home of an earlier version: find out what is needed, rehearse on a copy, and undo.

Nothing of the home changes before all needs of this version are checked: settings, disk, OpenPGP program,
tables migrated on a copy, and policies without faults.
"""

import json
import shutil
import sqlite3
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlmodel import Session

from gateway.errors import ConfigurationError, Fault, GatewayError
from gateway.home import Home, policy_digest
from gateway.home.settings import Settings, load_settings
from gateway.homes.audit.audit import audit
from gateway.homes.backup import at_work, copy_registry
from gateway.policy.catalogue import policy_files
from gateway.policy.edits import Files, carry_over, earlier_releases
from gateway.policy.edits import edits as differences
from gateway.policy.shipped import shipped_policies
from gateway.processor.checkpoints import HEADS_MARK
from gateway.processor.work import home_of_its_own, prove_engine, prove_store
from gateway.publish.projection import number_in, replace_published
from gateway.record.policies_in_force import take_over
from gateway.record.policy_check import check
from gateway.record.upgrade import UpgradePlan, draft_folder, plan_file
from gateway.registry.database import Registry, pending_migrations
from gateway.secrets.signing import Signing
from gateway.zones.places import is_locked
from gateway.zones.spool import write_durably

_BASE = "made-from"
"""The file in a draft with the digest of the policies from which the draft was made."""
_REHEARSAL = ".rehearsal-"
_SPARE_BYTES = 64 * 2**20
_OWN_ENTRIES = frozenset(
    {"policy-proposed", "policy-approved", "policy-loaded", "agreement-published", "recorded"}
)
"""Kinds of log entries written by an upgrade."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """The steps of an upgrade, and the faults for which it cannot begin.

    `files`: the policies after the upgrade; None if those in force have no fault in this version. `edits`:
    the authority's own changes to the policies that `files` keeps. `by_hand`: steps for a person to take.
    """

    migrations: list[str]
    files: Files | None
    edits: tuple[str, ...]
    by_hand: list[str]
    faults: list[str]


def look(home: Home) -> Upgrade:
    """Return the steps of an upgrade; change nothing. ConfigurationError if gateway.toml is missing."""
    settings = load_settings(home)
    with closing(Registry(settings.database_url(home))) as registry:
        registry.check_version()
        revision = registry.revision()
    faults: list[str] = []
    for prove in (partial(prove_engine, settings), partial(prove_store, home, settings)):
        try:
            prove()
        except GatewayError as error:
            faults.append(str(error))
    files, edits = _policies_to_come(home, faults)
    migrations = pending_migrations(revision)
    if settings.database is None and migrations:
        needed = 2 * home.registry.stat().st_size + _SPARE_BYTES
        if (free := shutil.disk_usage(home.root).free) < needed:
            faults.append(f"{home.root} has {free // 2**20} MiB left; an upgrade needs {needed // 2**20} MiB")
    steps = tomllib.loads((shipped_policies() / "earlier" / "steps.toml").read_text("utf-8"))["step"]
    by_hand = [step["do"] for step in steps if revision is not None and revision < step["migration"]]
    return Upgrade(migrations=migrations, files=files, edits=edits, by_hand=by_hand, faults=faults)


def _policies_to_come(home: Home, faults: list[str]) -> tuple[Files | None, tuple[str, ...]]:
    """Return the policies after the upgrade, and the local edits kept in them; add any faults to `faults`.
    The policies are None if the policies in force need no change.
    """
    if not check(home.policies_in_force):
        return None, ()
    draft, edits = draft_folder(home), tuple[str, ...]()
    base = draft / _BASE
    is_of_now = base.is_file() and base.read_text("ascii") == policy_digest(home.policies_in_force)
    own, shipped = _texts(home.policies_in_force), shipped_policies()
    try:
        # The shipped agreement whose text the home names: a folder, or "" for the first.
        named = str(tomllib.loads(own.get("agreement.toml", "")).get("text"))
        folders = ["", *(path.parent.name for path in sorted(shipped.glob("*/flows.toml")))]
        agreement = next((name for name in folders if (shipped / name / named).is_file()), "")
        ours = shipped / agreement
        if is_of_now:
            files: Files = _texts(draft)
        else:
            files, edits = carry_over(earlier_releases(shipped / "earlier", agreement), own, _texts(ours))
    except tomllib.TOMLDecodeError as error:
        faults.append(f"the policies in force cannot be read: {error}")
        return None, ()
    with tempfile.TemporaryDirectory(prefix="gateway-policies-") as aside:
        for name, text in files.items():
            (Path(aside) / name).write_text(text, "utf-8")
        found = [f"{draft.name}/{fault}" for fault in check(Path(aside))]
        if is_of_now and not found:
            edits = tuple(
                f"{one.file}: {one.entry}: kept: {one.after}" for one in differences(ours, Path(aside))
            )
    faults += found
    if draft.is_dir() and not is_of_now:
        faults.append(f"{draft} was made from other policies than are in force now: gateway upgrade --draft")
    return files, edits


def write_draft(home: Home, files: Files) -> Path:
    """Write the policies after an upgrade as a new draft, for people to correct; return its folder."""
    draft = draft_folder(home)
    draft.parent.mkdir(mode=0o700, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=draft.parent, prefix=".draft-") as aside:
        made = Path(aside) / draft.name
        made.mkdir(mode=0o755)
        for name, text in files.items():
            write_durably(made / name, text.encode(), mode=0o644)
        write_durably(made / _BASE, policy_digest(home.policies_in_force).encode(), mode=0o644)
        if draft.exists():
            draft.rename(Path(aside) / "replaced")
        made.rename(draft)
    return draft


@contextmanager
def rehearsed(home: Home) -> Iterator[Session]:
    """Migrate a copy of the registry, check its whole log, and yield a session on the copy.
    Raises GatewayError naming an inconsistency, ConfigurationError for a registry in PostgreSQL.
    """
    settings = load_settings(home)
    if settings.database is not None:
        raise ConfigurationError("a registry in PostgreSQL is rehearsed on a restored copy of the database")
    signing = Signing.load(home, settings)
    for left in home.root.glob(f"{_REHEARSAL}*"):  # By one that was killed: it names children.
        if not is_locked(left):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=home.root, prefix=_REHEARSAL) as aside, at_work(Path(aside)):
        copy = Path(aside) / home.registry.name
        copy_registry(home.registry, copy)
        with closing(Registry(f"sqlite:///{copy}")) as registry:
            registry.migrate()
            with registry.read() as session:
                for found in audit(session, signing.vkey):
                    raise GatewayError(f"the log does not hold: {found.where}: {found.what}")
                yield session


def undo(home: Home, plan: UpgradePlan) -> None:
    """Undo an upgrade: restore tables and policies from the backup named in `plan`. May be repeated.
    An upgrade that nobody has agreed to is withdrawn. Anybody who has later heads of the log will see that
    the log became shorter. GatewayError if anything else was put on record since the backup, or if a
    processor is at work; ConfigurationError if backup or registry is missing or empty.
    """
    settings = load_settings(home)
    if plan.backup is None:
        plan_file(home).unlink()  # It was put forward, and nobody has agreed to it.
        return
    if settings.database is not None:
        raise ConfigurationError("this upgrade is taken back by the database's backup (docs/operations.md)")
    kept = plan.backup / home.registry.name
    if not kept.is_file():
        raise ConfigurationError(f"{kept} is missing: bring the backup back first")
    with home_of_its_own(home):
        _check_not_acted(home, settings, kept, plan)
        try:
            with (
                closing(sqlite3.connect(kept)) as backup,
                closing(sqlite3.connect(home.registry)) as registry,
            ):
                backup.backup(registry)
                newest = "SELECT size, text FROM checkpoint ORDER BY size DESC LIMIT 1"
                size, head = registry.execute(newest).fetchone() or (0, None)
            # The upgrade's heads leave published/ as well, so that the log does not seem cut short.
            heads = {int(path.name): path for path in home.published.log.glob("[0-9]*")}
            for beyond in [each for each in heads if each > size]:
                heads.pop(beyond).unlink()
            mark, latest = home.published.root / HEADS_MARK, home.published.log / "checkpoint"
            if number_in(mark) > size:
                replace_published(mark, str(max(heads, default=0)))
            if head is not None and latest.exists():
                replace_published(latest, head)
            current, before = home.versions / "current", plan.backup / "policies-in-force" / "current"
            if before.is_file():
                write_durably(current, before.read_bytes(), mode=0o644)
            else:
                current.unlink(missing_ok=True)
            take_over(plan.backup / "policies", home.policies)
            plan_file(home).unlink()
        except (OSError, sqlite3.Error) as error:
            raise Fault(
                f"the upgrade could not be taken back yet: {type(error).__name__}; try again"
            ) from None


def _check_not_acted(home: Home, settings: Settings, kept: Path, plan: UpgradePlan) -> None:
    """Raise GatewayError if the log has entries that the backup's registry `kept` lacks, except the plan's.
    ConfigurationError where the registry is missing or empty, or its backup damaged.
    """
    with closing(Registry(settings.database_url(home))) as opened:
        if opened.revision() is None:
            opened.check_version()  # Says so; that of a version cut off in between is taken back.
    try:
        # The services were at work while the home was copied: the backup alone knows what is not in it.
        with closing(sqlite3.connect(kept)) as backup:
            (last,) = backup.execute("SELECT coalesce(max(number), -1) FROM event").fetchone()
    except sqlite3.Error as error:
        said = f"{kept} cannot be read ({type(error).__name__}): bring the backup back first"
        raise ConfigurationError(said) from None
    with closing(sqlite3.connect(home.registry)) as registry:
        leaves = registry.execute("SELECT leaf FROM event WHERE number > ?", (last,)).fetchall()
    entries = [json.loads(leaf) for (leaf,) in leaves]
    others = {
        str(each["kind"])
        for each in entries
        if each["kind"] not in _OWN_ENTRIES
        or (each["kind"].startswith("policy-") and each["fields"]["sha256"] != plan.digest)
    }
    if others:
        raise GatewayError(
            f"what was put on record since the backup was begun would be lost ({', '.join(sorted(others))}). "
            "docs/operations.md: going back"
        )


def _texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in policy_files(folder)}
