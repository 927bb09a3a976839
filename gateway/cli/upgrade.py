"""upgrade: bring a home of an earlier version up to this one, after showing what that takes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.access import AccessRight
from gateway.cli.commands import HomeOption, fails_clearly
from gateway.cli.console import confirm, existing, now, out, progress, who
from gateway.cli.identity import real_account
from gateway.cli.proving import checked, person_in
from gateway.errors import ConfigurationError, GatewayError
from gateway.home import Home, policy_digest
from gateway.home.settings import load_settings
from gateway.homes import upgrade as work
from gateway.homes.backup import back_up
from gateway.model import counted
from gateway.processor.work import home_of_its_own
from gateway.record.upgrade import UpgradePlan, agree, carry_out, draft_folder, read_plan, write_plan
from gateway.secrets.passphrase import NoPassphraseError

_SHOWN = 40


@fails_clearly
def upgrade(
    home: HomeOption,
    dry_run: Annotated[bool, "Say what it takes, and change nothing."] = False,
    draft: Annotated[
        bool, "Write the policies of the new version into upgrade/policies, to mend them."
    ] = False,
    apply: Annotated[bool, "Propose the upgrade; the second person who runs this agrees to it."] = False,
    backup: Annotated[Path | None, "--backup DIR", "With --apply: an empty folder for the backup."] = None,
    undo: Annotated[bool, "Take the upgrade back, before the first file is decided."] = False,
    yes: Annotated[bool, "You have looked at it: do not ask."] = False,
) -> None:
    """Bring a home of an earlier version up to this one. Without an option, say what that takes.

    Where the policies change, one person puts the upgrade forward and another one agrees to it.
    """
    if dry_run and (draft or apply or undo):
        raise typer.BadParameter("--dry-run changes nothing: name no other option beside it")
    place = existing(home)
    plan = read_plan(place)
    if undo:
        if plan is None:
            raise GatewayError("there is no upgrade to take back")
        work.undo(place, plan)
        done = "taken back; start the services of the version before"
        out.print(done if plan.backup else "withdrawn: nobody had agreed to it")
        return
    if plan is not None and plan.is_agreed and plan.applied_at is None and not dry_run:
        _carry_out(place, plan)
        return
    found = work.look(place)
    _tell(found)
    if not found.migrations and found.files is None:
        out.print("nothing needs doing: the home is of this version")
        return
    if draft and found.files is not None:
        out.print(f"written: {work.write_draft(place, found.files)}; mend it, then: gateway upgrade")
        return
    if found.faults:
        raise GatewayError(
            f"{counted(len(found.faults), 'fault')}; nothing was changed, and the earlier version still "
            "works. Faults of policies are mended in a draft: gateway upgrade --draft"
        )
    person = _person(place, found)
    if not apply:
        out.print("nothing was changed; next: gateway upgrade --apply --backup DIR")
    elif backup is None:
        raise ConfigurationError("--apply needs --backup DIR, an empty folder elsewhere")
    else:
        _agree(place, found, plan, person, backup, yes=yes)


def _tell(found: work.Upgrade) -> None:
    """Print the steps of an upgrade, and the faults that prevent it."""
    for sentence in found.migrations:
        out.print(f"table changes: {sentence}")
    if found.files is not None:
        out.print("this version needs other policies: its own, with your edits in them")
        for edit in found.edits[:_SHOWN]:
            out.print(f"  {edit}")
        if len(found.edits) > _SHOWN:
            out.print(f"  and {len(found.edits) - _SHOWN} more: gateway upgrade --draft")
    for step in found.by_hand:
        out.print(f"by hand, afterwards: {step}")
    for fault in found.faults:
        out.print(f"fault: {fault}")


def _person(place: Home, found: work.Upgrade) -> str:
    """Return the name of the person at the keyboard. GatewayError if the person may not upgrade.
    To read the roles, the registry is copied and the copy upgraded, as a rehearsal. A registry in PostgreSQL
    is not copied: if its tables have to change, roles are not checked.
    """
    if load_settings(place).database is not None:
        if not found.migrations:
            return checked(place, "upgrade.upgrade", AccessRight.ENROL, (), real_account()) or who()
        out.print(
            "the registry is in PostgreSQL: rehearse on a restored copy of the database (docs/operations.md)"
        )
        return who()
    with work.rehearsed(place) as session:
        person = person_in(session, place, "upgrade.upgrade", AccessRight.ENROL, real_account())
    out.print("rehearsed on a copy: the tables change, and every entry of the log holds")
    return person or who()


def _agree(
    place: Home, found: work.Upgrade, plan: UpgradePlan | None, person: str, backup: Path, *, yes: bool
) -> None:
    """Propose the upgrade, or agree to another person's proposal: then back up the home, and upgrade it.
    An upgrade that changes no policies needs no second person. A home with PostgreSQL is not backed up here.
    """
    before, digest = policy_digest(place.policies_in_force), None
    if found.files is not None:
        draft = draft_folder(place)
        if not draft.is_dir():
            work.write_draft(place, found.files)
        digest = policy_digest(draft)
    agreed = UpgradePlan(by=person, at=now(), before=before, digest=digest)
    if digest is not None:
        if plan is None or plan.digest != digest or plan.applied_at is not None:
            write_plan(place, agreed)
            out.print(f"put forward: {digest}")
            out.print("a second person looks at this and runs the same command")
            return
        agreed = agree(plan, person)
        out.print(f"{plan.by} put forward {digest}: look at {draft}. You are asked, unless you say --yes")
        confirm("Are these policies to decide?", yes=yes)
    if load_settings(place).database is None:
        with progress("copying the home") as told:
            # The home may be backed up by other means, which note nothing: doctor would ask for the next one.
            back_up(place, backup, now(), noted=False, progress=told)
    agreed = agreed.model_copy(update={"backup": backup.absolute()})
    write_plan(place, agreed)
    _carry_out(place, agreed)


def _carry_out(place: Home, plan: UpgradePlan) -> None:
    try:
        with home_of_its_own(place):
            carry_out(place, plan, now, out.print)
    except GatewayError as error:
        if isinstance(error, ConfigurationError) and not isinstance(error, NoPassphraseError):
            raise  # It would stop the processor as well.
        is_copied = load_settings(place).database is None
        out.print(f"agreed, and backed up to {plan.backup}" if is_copied else "agreed")
        out.print(f"{error}: restart gateway-processor, which carries it out at its start")
        return
    out.print("upgraded; next: gateway doctor --deep, then restart the services, gateway-processor first")
