"""Which policies decide: the last ones found whole, kept under their digest, each change on the log.

Admins edit the home's policies/. An edit that is not whole is not taken: what was in force stays in
force, and the fault is told. Every version that has decided is kept, so that a decision can be
explained by the rules of its day.
"""

from __future__ import annotations

import json
import logging
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlmodel import Session

from gateway.errors import ConfigurationError
from gateway.home import Home
from gateway.home.settings import KeyPolicy, Limits, load_settings, read_toml
from gateway.log.leaf import Kind
from gateway.policy.agreement_changes import AgreementChanges, changes_between
from gateway.policy.catalogue import Catalogue, load_catalogue, policy_digest, policy_files
from gateway.policy.dates import academic_year, local_day
from gateway.publish.agreement_news import publish_agreement_news
from gateway.publish.projection import publish_checkpoint, publish_receipts
from gateway.receipts.agreement_notice import changed
from gateway.record.agreement_notices import tell_everybody
from gateway.record.policy_check import check
from gateway.registry import log
from gateway.registry.database import Registry
from gateway.registry.log import Entry
from gateway.secrets.signing import Signing
from gateway.zones.spool import fsync_folder, write_durably

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """One version of the policies, whole."""

    folder: Path
    catalogue: Catalogue
    limits: Limits
    keys: KeyPolicy


def load_policies(policies: Path) -> Policies:
    """The policies in a folder that was found whole. ConfigurationError where it no longer is."""
    return Policies(
        folder=policies,
        catalogue=load_catalogue(policies),
        limits=read_toml(policies / "limits.toml", Limits),
        keys=read_toml(policies / "keys.toml", KeyPolicy),
    )


class Keeper:
    """Keeps the policies of a home in force. `clock` gives the time in UTC."""

    def __init__(
        self, home: Home, registry: Registry, signing: Signing, clock: Callable[[], datetime]
    ) -> None:
        self._home = home
        self._registry = registry
        self._signing = signing
        self._clock = clock
        self._seen: object = None
        self._given: Path | None = None

    def current(self) -> Policies:
        """What decides now, after taking over an edit that is whole.

        ConfigurationError where the edited policies are at fault and none were in force before.
        """
        try:
            return self._take_over()
        except ConfigurationError as error:
            if self._home.policies_in_force == self._home.policies:
                raise
            _log.error("%s; the policies that were in force stay so", error)
            return load_policies(self._home.policies_in_force)

    def changed(self) -> Policies | None:
        """What decides from now on; None where that is what the last call gave.

        Whatever the fault of an edit, it is told once.
        """
        seen = (_look(self._home.policies), self._home.policies_in_force)
        if seen == self._seen:
            return None
        policies, given = self.current(), self._given
        self._seen = (seen[0], self._home.policies_in_force)
        self._given = policies.folder
        return None if policies.folder == given else policies

    def _take_over(self) -> Policies:
        if not self._home.policies.is_dir():
            raise ConfigurationError(f"{self._home.policies} is missing")
        digest = policy_digest(self._home.policies)
        folder = self._home.version(digest)
        if folder != self._home.policies_in_force or not folder.is_dir():
            # The copy is judged rather than the original, which an admin may be changing right now.
            folder = self._kept_copy()
            self._put_in_force(load_policies(folder))
        return load_policies(folder)

    def _kept_copy(self) -> Path:
        """A copy of the edited policies under its digest, durable and never changed again."""
        self._home.versions.mkdir(mode=0o755, exist_ok=True)
        aside = self._home.versions / f".new-{secrets.token_hex(6)}"
        aside.mkdir()
        try:
            for path in policy_files(self._home.policies):
                write_durably(aside / path.name, path.read_bytes(), mode=0o644)
            kept = self._home.version(policy_digest(aside))
            if not kept.exists():
                _judge(aside, self._home.policies.name)
                aside.rename(kept)
                fsync_folder(self._home.versions)
            return kept
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def _put_in_force(self, policies: Policies) -> None:
        now, catalogue = self._clock(), policies.catalogue
        changes = self._changes(catalogue)
        with self._registry.write() as session:
            if entries := list(_entries(session, catalogue, now)):
                log.append(session, entries, now)
                if changes is not None:
                    self._tell(session, catalogue, changes, now)
                log.sign_head(session, self._signing.log_key, self._signing.origin, now)
        if entries and changes is not None:
            publish_receipts(self._registry, self._home.published)
            publish_agreement_news(self._registry, self._home.published)
        if entries:
            publish_checkpoint(self._registry, self._home.published)
            _log.info("the policies %s are in force", catalogue.digest)
        write_durably(self._home.versions / "current", f"{catalogue.digest}\n".encode(), mode=0o644)

    def _changes(self, after: Catalogue) -> AgreementChanges | None:
        """What the agreement says otherwise than it did; None where no version was in force before."""
        if self._home.policies_in_force == self._home.policies:
            return None
        try:
            before = load_catalogue(self._home.policies_in_force)
        except (
            ConfigurationError
        ):  # It is of an earlier version of the gateway: only its text can be compared.
            _log.warning("the policies of before cannot be read: what is new in Appendix A is not told")
            return None
        return changes_between(before, after)

    def _tell(self, session: Session, catalogue: Catalogue, changes: AgreementChanges, now: datetime) -> None:
        organisation = load_settings(self._home).organisation
        notice = changed(changes.points(), catalogue.agreement.tell.changed)
        told = tell_everybody(session, self._signing, organisation, notice, now)
        _log.info("%d education providers are told that the agreement has changed", told)


def _judge(folder: Path, name: str) -> None:
    """ConfigurationError where the copy is not whole, with its faults told of the original."""
    if faults := check(folder):
        raise ConfigurationError("; ".join(f"{name}/{fault}" for fault in faults))


def _entries(session: Session, catalogue: Catalogue, now: datetime) -> Iterator[Entry]:
    """What the log does not say yet. Another process may have been faster."""
    if _last_digest(session, "policy-loaded") != catalogue.digest:
        yield Entry(kind="policy-loaded", subject="policies", fields={"sha256": catalogue.digest})
    if _last_digest(session, "agreement-published") != catalogue.text_sha256:
        day = local_day(now, catalogue.calendar.timezone)
        year = academic_year(day, catalogue.agreement.year.starts)
        fields = {"sha256": catalogue.text_sha256, "academic_year": year}
        yield Entry(kind="agreement-published", subject="agreement", fields=fields)


def _last_digest(session: Session, kind: Kind) -> str | None:
    row = log.latest(session, kind)
    if row is None:
        return None
    said: str = json.loads(row.leaf)["fields"]["sha256"]
    return said


def _look(policies: Path) -> object:
    """What shows that a file was edited, without reading any."""
    found = []
    for path in policy_files(policies):
        status = path.stat()
        found.append((path.name, status.st_mtime_ns, status.st_size, status.st_ino))
    return found
