"""Carry out an agreed upgrade: first of the tables, then of the policies for the new version.

The agreement is in `upgrade/plan.json` of the home. Each step can be repeated, so an interrupted upgrade is
finished by the next `gateway upgrade`, or by the processor at its start.
"""

import logging
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from gateway.errors import ConfigurationError, GatewayError
from gateway.home import Home, policy_digest
from gateway.home.settings import load_settings
from gateway.home.settings_file import File
from gateway.log.leaf import rfc3339
from gateway.record.dual_control import SHARED_ACCOUNT, are_named_two
from gateway.record.policies_in_force import Keeper, take_over
from gateway.record.policy_check import check
from gateway.record.policy_proposals import SUBJECT, last_loaded, proposal
from gateway.registry import log
from gateway.registry.database import Registry, newest_revision
from gateway.registry.log import Entry
from gateway.secrets.signing import Signing
from gateway.zones.failpoints import passing
from gateway.zones.spool import write_durably

_log = logging.getLogger(__name__)


class UpgradePlan(File, extra="ignore"):  # An earlier build wrote a field more.
    """A plan to upgrade, for two people to agree on if there are new policies.

    `digest`: the digest of the new policies; None if the policies stay. `before`: the digest of the policies
    in force when the plan was made.
    """

    by: str
    at: datetime
    before: str
    digest: str | None = None
    approved_by: str | None = None
    backup: Path | None = None
    applied_at: datetime | None = None

    @property
    def is_agreed(self) -> bool:
        """True if the upgrade may begin: a backup is made, and two people agreed to new policies, if any."""
        return self.backup is not None and (self.digest is None or self.approved_by is not None)


def plan_file(home: Home) -> Path:
    """Return the path of the file with a home's plan to upgrade."""
    return home.root / "upgrade" / "plan.json"


def draft_folder(home: Home) -> Path:
    """Return the folder of the policies that an upgrade puts in force."""
    return home.root / "upgrade" / "policies"


def read_plan(home: Home) -> UpgradePlan | None:
    """Return a home's plan to upgrade; None if there is none. ConfigurationError if it cannot be read."""
    try:
        return UpgradePlan.model_validate_json(plan_file(home).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise ConfigurationError(f"{plan_file(home)} cannot be read: {type(error).__name__}") from None


def write_plan(home: Home, plan: UpgradePlan) -> None:
    """Write a home's plan to upgrade, durably."""
    plan_file(home).parent.mkdir(mode=0o700, exist_ok=True)
    write_durably(plan_file(home), plan.model_dump_json(indent=1).encode(), mode=0o600)


def bring_up_to_date(home: Home, clock: Callable[[], datetime]) -> None:
    """Migrate a registry of an older version, or carry out the upgrade agreed on.
    Raises ConfigurationError, with nothing changed, if the registry has no tables, or the policies in force
    are invalid in this version and no upgrade is agreed on: new tables would stop the older version, too.
    """
    plan, settings = read_plan(home), load_settings(home)
    if plan is not None and plan.is_agreed and plan.applied_at is None:
        carry_out(home, plan, clock)
        return
    with closing(Registry(settings.database_url(home))) as registry:
        registry.check_version()
        if registry.revision() != newest_revision() and check(home.policies_in_force):
            raise ConfigurationError(
                "the registry and the policies in force are of an earlier version: gateway upgrade says what "
                "to do; nothing was changed, and the earlier version still works"
            )
        registry.migrate()


def agree(plan: UpgradePlan, person: str) -> UpgradePlan:
    """Return a plan approved by `person`. Raise GatewayError if `person` may be the author of the plan.
    Only the names are compared: the record of who gave credentials to whom may not exist before the upgrade.
    """
    if not are_named_two(plan.by, person):
        raise GatewayError(f"{plan.by} put it forward: somebody else agrees to it. {SHARED_ACCOUNT}")
    return plan.model_copy(update={"approved_by": person})


def carry_out(
    home: Home,
    plan: UpgradePlan,
    clock: Callable[[], datetime],
    tell: Callable[[str], object] = _log.warning,
) -> UpgradePlan:
    """Migrate the tables, put the plan's policies in force, and return the plan marked as done.
    `tell` is called with a sentence if a proposal of policies ends because of the upgrade. ConfigurationError
    if other policies came into force after the plan was made: the plan is deleted, and nothing else changed.
    ConfigurationError, and no change, if the registry has no tables.
    """
    settings = load_settings(home)
    if plan.digest is not None and policy_digest(home.policies_in_force) not in {plan.before, plan.digest}:
        plan_file(home).unlink()
        raise ConfigurationError(
            "other policies have come into force since the upgrade was agreed on, and would be lost: gateway "
            "upgrade --draft, and agree on it again"
        )
    with closing(Registry(settings.database_url(home))) as registry:
        registry.check_version()
        passing("upgrade.agreed")
        registry.migrate()
        passing("upgrade.tables")
        if plan.digest is not None:
            keeper = Keeper(home, registry, Signing.load(home, settings), clock, by_hand=True)
            if keeper.keep(draft_folder(home)) != plan.digest:
                raise ConfigurationError(f"{draft_folder(home)} is not what was agreed on: gateway upgrade")
            with registry.write() as session:
                known = proposal(session)
                if last_loaded(session) != plan.digest and (known is None or known.digest != plan.digest):
                    # Both agreed before the tables for looking up the second person existed.
                    now, sha256 = clock(), {"sha256": plan.digest}
                    begins, by, second = {**sha256, "begins": rfc3339(now)}, plan.by, plan.approved_by
                    proposed = Entry(kind="policy-proposed", subject=SUBJECT, fields=begins, actor=by)
                    approved = Entry(kind="policy-approved", subject=SUBJECT, fields=sha256, actor=second)
                    log.append(session, [proposed, approved], now)
            passing("upgrade.entries")
            keeper.put_in_force(plan.digest, tell=tell)
            if known is not None and known.digest != plan.digest:
                tell(f"{known.digest} was put forward, and is so no more: gateway policy propose, if wanted")
            passing("upgrade.policies")
            if policy_digest(home.policies) == plan.before:
                take_over(draft_folder(home), home.policies)
    done = plan.model_copy(update={"applied_at": clock()})
    write_plan(home, done)
    return done
