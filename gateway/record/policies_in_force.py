"""Keep every version of the policies, put one in force, and tell every provider of changes.

Administrators edit a draft, policies/ of the home; a proposal and an approval put the draft in force, see
policy_proposals. Every version once in force is kept, to explain a decision by the rules of the day. A
version is named by a digest; the log's newest entry of the kind policy-loaded names the version in force.

A draft made in the console waits in the registry, since the service behind the console may not write
policies. The processor stores the draft as a version; a draft losing protection is stored only by a command
on the machine.

A law pack is signed by a publisher. The signature is a signed note, as for the log's heads: the origin is the
publisher, a name ending in /law, the size is the pack's length, and the root is the pack's SHA-256. An
installed pack is proposed and approved as any edit.
"""

import hashlib
import logging
import secrets
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime
from fnmatch import fnmatch
from functools import partial
from pathlib import Path

from sqlmodel import Session, col, select

from gateway.errors import ConfigurationError, GatewayError
from gateway.home import Home
from gateway.home.settings import KeyPolicy, Limits, load_settings, parsed_toml, read_toml
from gateway.law import PACKS, LawPack
from gateway.log.checkpoint import LogKey, checkpoint, read_checkpoint
from gateway.openpgp.sealer import clearsign
from gateway.policy.catalogue import Catalogue, load_catalogue, policy_digest, policy_files
from gateway.policy.dates import academic_year, local_day
from gateway.policy.edits import edits
from gateway.policy.explain import changes_between
from gateway.policy.faults import in_one_line
from gateway.publish.everything import publish_agreement_news
from gateway.publish.projection import publish_checkpoint, publish_receipts
from gateway.reasons.languages import Language
from gateway.receipts.notices import Notice, changed, render
from gateway.record.policy_check import check
from gateway.record.policy_proposals import SUBJECT, PolicyProposal, last_loaded, last_step, loaded, proposal
from gateway.registry import log, providers, receipts
from gateway.registry.database import Registry
from gateway.registry.log import Entry
from gateway.registry.tables import PolicyDraftRow
from gateway.secrets.signing import Signing
from gateway.store.of_home import shared_store, store_answers
from gateway.zones.spool import fsync_folder, write_durably

_log = logging.getLogger(__name__)
_EVERYBODY = "every education provider"
_PUBLISHER = "/law"
_BY_HAND, _IN_FORCE, _VOUCHED = "by-hand", "in-force", "vouched"


def tell_everybody(  # noqa: PLR0917 - what a notice is made of
    session: Session,
    signing: Signing,
    organisation: str,
    notice: Notice,
    parties: Collection[str],
    at: datetime,
    *,
    languages: tuple[Language, ...] = ("en",),
) -> int:
    """Store a signed notice of new terms for each provider of the kinds `parties`; return the number stored.
    Closed providers get none. Each notice is in all `languages`. One more notice, addressed to every
    education provider, is stored in a log entry, and is published from there in /agreement. The caller signs
    the log's head.
    """
    text_of = partial(render, notice, organisation=organisation, at=at, languages=languages)
    addressees = [
        provider.id
        for provider in providers.list_providers(session)
        if provider.kind in parties and provider.closed_on is None
    ]
    for provider in addressees:
        receipts.leave_notice(session, signing, receipts.AGREEMENT_NOTICE, provider, at, text_of)
    text = text_of(provider_name=_EVERYBODY, reference="")
    fields: dict[str, str | int] = {
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "count": len(addressees),
    }
    said = clearsign(signing.openpgp, text)
    log.append(session, [Entry(kind="changes-told", subject="agreement", fields=fields, note=said)], at)
    return len(addressees)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """One complete version of the policies, loaded."""

    folder: Path
    catalogue: Catalogue
    limits: Limits
    keys: KeyPolicy


def load_policies(policies: Path) -> Policies:
    """Load the policies of a folder checked earlier; raise ConfigurationError if a file is faulty now."""
    return Policies(
        folder=policies,
        catalogue=load_catalogue(policies),
        limits=read_toml(policies / "limits.toml", Limits),
        keys=read_toml(policies / "keys.toml", KeyPolicy),
    )


def check_on_record(session: Session, home: Home) -> None:
    """Raise ConfigurationError if the home uses policies that, by the log, were never put in force.
    A log without any policies is no error: in a new home the folder policies/ applies.
    """
    known = loaded(session)
    if known and home.policies_in_force.name not in known:
        raise ConfigurationError(
            f"{home.policies_in_force} never came into force by the log: bring {home.versions / 'current'} "
            "back from a backup"
        )


@dataclass
class Keeper:
    """Keeps the versions of a home's policies, and puts one in force. `clock` gives the time in UTC.

    A version that loses protection comes into force only if a person at the machine has marked the version
    (`allow`), by a command that makes its keeper with `by_hand`. So an attacker in control of the service
    behind the console can weaken no rule: the service cannot write the mark.
    """

    home: Home
    registry: Registry
    signing: Signing
    clock: Callable[[], datetime]
    _: KW_ONLY
    by_hand: bool = False
    _given: Path | None = None
    _coming: PolicyProposal | None = None
    _version_seen: int | None = None
    _refused: str | None = None
    _unusable: tuple[str, bool] | None = None
    _losing: set[tuple[str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Open the sealed store shared with other hosts, if any."""
        settings = load_settings(self.home)
        self._others = shared_store(self.home, settings) if settings.host.shares else None

    def current(self) -> Policies:
        """Return the policies in force by the log; in a new home put the folder policies/ in force.
        An approved version whose day has come is put in force first. The present version stays if the
        approved one is missing or has faults by now. A version that loses protection is not used without a
        mark (`allow`), even if in force by the log: the present version stays. Raises ConfigurationError if
        the version in force is missing, faulty or changed on the disk.
        """
        with self.registry.read() as session:
            past, coming = loaded(session), proposal(session)
        if not past:
            digest = self.keep(self.home.policies)
            # The pointer comes before the log's entry: a service that starts in between would find a version
            # in the log and only the draft on the disk, and refuse to start.
            self._point_to(digest)
            return self.put_in_force(digest)
        if self._may_use(past[-1], past):
            self._point_to(past[-1])
        if coming is not None and self._is_due(coming) and self._may_come(coming.digest, past):
            return self.put_in_force(coming.digest)
        return self._version(self.home.policies_in_force.name)

    def check_sound(self, digest: str) -> None:
        """Raise ConfigurationError, naming every fault, if a version is missing or has faults.
        An earlier version of the gateway may have found no fault in these policies.
        """
        if faults := check(self.folder(digest)):
            raise ConfigurationError(in_one_line(digest[:16], faults))

    def _may_come(self, digest: str, past: Collection[str]) -> bool:
        """Return True if an approved version is stored here, has no faults and may be used (`_may_use`).
        A version that cannot be used is remembered, so `changed` looks at it again only after a change.
        """
        try:
            self.check_sound(digest)
        except ConfigurationError as error:
            may = self._refuse(
                digest,
                f"are due and cannot be used: {error}; {self.home.policies_in_force.name} stay in force. "
                "gateway policy withdraw, mend the draft, and gateway policy propose",
            )
        else:
            may = self._may_use(digest, past)
        self._unusable = None if may else self._found(digest)
        return may

    def _may_use(self, digest: str, past: Collection[str]) -> bool:
        """Return True if a version loses no protection of data, or a person has allowed the loss (`allow`).
        Return True also if the keeper is `by_hand`, and if the version used on this host until now is missing
        or was never in force. `past`: the versions once in force, by the log.
        """
        now = self.home.policies_in_force
        # A pointer that is missing, or names what was never in force, is put right by the log.
        if self.by_hand or now.name == digest or now.name not in past or not now.is_dir():
            return True
        if not loses_protection(now, self.folder(digest)) or self._is_allowed(digest):
            return True
        self._losing.add((now.name, digest))
        return self._refuse(
            digest,
            f"lose protection, and nobody approved them on the machine: {now.name} stay in force. "
            "gateway policy withdraw, or roll-back where they are in force by the log",
        )

    def _refuse(self, digest: str, why: str) -> bool:
        """Return False, and log once why a version is not used."""
        if digest != self._refused:
            _log.error("the policies %s %s", digest, why)
        self._refused = digest
        return False

    def _is_allowed(self, digest: str) -> bool:
        """Return True if a version is marked here or at another host, or was put in force at another host."""
        told = self._from_others(_VOUCHED)
        marks = [told.get(_BY_HAND)]
        with suppress(FileNotFoundError):
            marks.append((self.home.versions / _BY_HAND).read_bytes())
        return told.get(_IN_FORCE) == digest.encode() or self._mark(digest) in marks

    def _mark(self, digest: str) -> bytes:
        """Return the mark of a version, made of its digest and the number of the proposal that it is for."""
        with self.registry.read() as session:
            return f"{digest} {last_step(session, digest)}\n".encode()

    def changed(self, version: int | None = None) -> Policies | None:
        """Return the policies in force if they changed since the last call; else None.
        `version`: the register's version, which changes with each step of a proposal. Policies proposed at
        another host, or made in the console, are stored here, for a person to look at and approve.
        """
        is_due = False
        is_new = version is None or version != self._version_seen
        if is_new or self._others is not None:
            self._unusable = None if is_new else self._unusable
            with self.registry.read() as session:
                past, coming = loaded(session), proposal(session)
            if (
                coming is not None
                and (coming != self._coming or self._given is None)
                and not self.home.version(coming.digest).is_dir()
            ):
                # One that this version of the gateway cannot judge stays away: who approves it is told.
                with suppress(ConfigurationError):
                    self._fetch(coming.digest)
            self._coming, self._version_seen = coming, version
            # Another host may have put others in force.
            is_due = self._others is not None and (self._given is None or past[-1:] != [self._given.name])
            # Compared before, they lose protection: a mark alone changes that.
            if is_due and self._given is not None and (self._given.name, *past[-1:]) in self._losing:
                is_due = self._is_allowed(past[-1])
        if (due := self._coming) is not None and self._is_due(due):
            is_due |= self._unusable != self._found(due.digest)
        if self._given == self.home.policies_in_force and not is_due:
            return None
        policies, given = self.current(), self._given
        self._given = policies.folder
        return None if policies.folder == given else policies

    def _found(self, digest: str) -> tuple[str, bool]:
        """Return a digest, and True if its version is stored here."""
        return digest, self.home.version(digest).is_dir()

    def _is_due(self, coming: PolicyProposal) -> bool:
        """Return True if a proposal is approved, and its day has come."""
        return coming.approved_by is not None and coming.begins <= self.clock()

    def _upload(self, folder: Path) -> None:
        """Put a version's files into the sealed store for other hosts. Raise Fault if the store fails."""
        self._to_others(folder.name, {path.name: path.read_bytes() for path in policy_files(folder)})

    def vouch(self) -> None:
        """Put the version in force here into the sealed store, for other hosts to fetch.
        If the log says that the version is in force, mark the version in the store: then other hosts may use
        the version even if it loses protection.
        """
        digest = self.home.policies_in_force.name
        self._upload(self.home.policies_in_force)
        with self.registry.read() as session:
            is_on_record = last_loaded(session) == digest
        if is_on_record:
            self._to_others(_VOUCHED, {_IN_FORCE: digest.encode()})

    def allow(self, digest: str) -> None:
        """Mark a version as allowed to lose protection; only a person at the machine may ask for this.
        The mark ends with the next proposal or withdrawal, and when the services switch to another version.
        """
        mark = self._mark(digest)
        write_durably(self.home.versions / _BY_HAND, mark, mode=0o644)
        self._to_others(_VOUCHED, {_BY_HAND: mark})

    def _to_others(self, place: str, files: Mapping[str, bytes]) -> None:
        with store_answers():
            if self._others is not None:
                self._others.put_policies(place, files)

    def _from_others(self, place: str) -> dict[str, bytes]:
        found = dict[str, bytes]()
        with store_answers():
            if self._others is not None:
                found = self._others.fetch_policies(place)
        return found

    def keep(self, folder: Path) -> str:
        """Store a permanent copy of a folder of policies, here and for other hosts; return its digest.
        Raises ConfigurationError, with every fault named, for faulty policies.
        """
        if not folder.is_dir():
            raise ConfigurationError(f"{folder} is missing")
        kept = self._kept({path.name: path.read_bytes() for path in policy_files(folder)}, folder.name)
        self._upload(kept)
        return kept.name

    def folder(self, digest: str) -> Path:
        """Return the folder of a version, after fetching the version from the sealed store if missing here.
        Raises ConfigurationError for an unknown version, and Fault if the store does not answer.
        """
        return self._version(digest).folder

    def put_in_force(
        self, digest: str, *, by: str | None = None, why: str | None = None,
        tell: Callable[[str], object] = _log.warning,
    ) -> Policies:  # fmt: skip
        """Put a stored version in force now, with a log entry that names who did so (`by`) and `why`."""
        policies = self._version(digest)
        if self.by_hand:
            self.allow(digest)
        now, catalogue, changes = self.clock(), policies.catalogue, tuple[str, ...]()
        if self.home.policies_in_force != self.home.policies:
            try:
                changes = changes_between(load_catalogue(self.home.policies_in_force), catalogue)
            except ConfigurationError:  # Policies of an earlier version of the gateway.
                tell("the policies of before cannot be read: tell schools yourself what is new in Appendix A")
        with self.registry.write() as session:
            if entries := list(_entries(session, catalogue, now, by, why)):
                log.append(session, entries, now)
                if changes:
                    organisation = load_settings(self.home).organisation
                    notice = changed(changes, catalogue.agreement.tell.changed)
                    told = tell_everybody(
                        session, self.signing, organisation, notice, catalogue.bodies.parties, now,
                        languages=catalogue.agreement.languages,
                    )  # fmt: skip
                    _log.info("%d education providers are told that the agreement has changed", told)
                log.sign_head(session, self.signing.log_key, self.signing.origin, now)
        self._point_to(catalogue.digest)  # At once: until then files are decided by those of before.
        if entries and changes:
            publish_receipts(self.registry, self.home.published)
            publish_agreement_news(self.registry, self.home.published)
        if entries:
            publish_checkpoint(self.registry, self.home.published)
            _log.info("the policies %s are in force", catalogue.digest)
        self._to_others(_VOUCHED, {_IN_FORCE: catalogue.digest.encode()})
        self.forbid()
        return policies

    def forbid(self) -> None:
        """Delete the mark made by `allow`, here and for other hosts."""
        (self.home.versions / _BY_HAND).unlink(missing_ok=True)
        self._to_others(_VOUCHED, {_BY_HAND: b""})

    def draft(self, digest: str) -> None:
        """Replace the home's draft, policies/, by a stored version, if nobody has edited the draft.
        A draft that equals a stored version has not been edited.
        """
        known = {digest, *(path.name for path in self.home.versions.iterdir())}
        if self.home.policies.is_dir() and policy_digest(self.home.policies) in known:
            take_over(self.home.version(digest), self.home.policies)

    def _version(self, digest: str) -> Policies:
        folder = self.home.version(digest)
        if not folder.is_dir():
            self._fetch(digest)
        if not folder.is_dir() and self.home.policies.is_dir():
            self.keep(self.home.policies)
        if not folder.is_dir():
            raise ConfigurationError(f"{folder} is missing: bring it back from a backup")
        return load_policies(folder)

    def _kept(self, files: Mapping[str, bytes], name: str) -> Path:
        self.home.versions.mkdir(mode=0o755, exist_ok=True)
        aside = self.home.versions / f".new-{secrets.token_hex(6)}"
        aside.mkdir()
        try:
            # The copy is checked, since an administrator may be changing the original.
            for each, content in files.items():
                write_durably(aside / each, content, mode=0o644)
            kept = self.home.version(policy_digest(aside))
            if not kept.exists():
                # ConfigurationError where the copy is faulty, with the faults named as of the original.
                if faults := check(aside):
                    raise ConfigurationError(in_one_line(name, faults))
                aside.rename(kept)
                fsync_folder(self.home.versions)
            return kept
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def _fetch(self, digest: str) -> None:
        """Store a version here, from another host or from the console's draft; do nothing if neither has one.
        A draft that loses protection is stored only if the keeper is `by_hand`.
        """
        files = self._from_others(digest)
        if files and all(Path(name).name == name for name in files):
            self._kept(files, digest[:16])
            return
        with self.registry.read() as session, folder_of(session, self.home, digest) as folder:
            if folder is not None and (
                self.by_hand or not loses_protection(self.home.policies_in_force, folder)
            ):
                self.keep(folder)

    def _point_to(self, digest: str) -> None:
        """Switch the services of this host to the version `digest`."""
        if self.home.policies_in_force != self.home.version(digest):
            self.home.versions.mkdir(mode=0o755, exist_ok=True)
            write_durably(self.home.versions / "current", f"{digest}\n".encode(), mode=0o644)
            (self.home.versions / _BY_HAND).unlink(missing_ok=True)


def _entries(
    session: Session, catalogue: Catalogue, now: datetime, by: str | None, why: str | None
) -> Iterator[Entry]:
    """Yield a log entry if the policies were never in force, and another if the agreement's text is new."""
    if last_loaded(session) != catalogue.digest:
        fields = {"sha256": catalogue.digest}
        yield Entry(kind="policy-loaded", subject=SUBJECT, fields=fields, actor=by, note=why)
    if last_loaded(session, "agreement-published") != catalogue.text_sha256:
        day = local_day(now, catalogue.calendar.timezone)
        year = academic_year(day, catalogue.agreement.year.starts)
        fields = {"sha256": catalogue.text_sha256, "academic_year": year}
        yield Entry(kind="agreement-published", subject="agreement", fields=fields)


def take_over(origin: Path, policies: Path) -> None:
    """Replace the policy files in the folder `policies` by the policy files in the folder `origin`."""
    names = {path.name for path in policy_files(origin)}
    for path in policy_files(origin):
        write_durably(policies / path.name, path.read_bytes(), mode=0o644)
    for path in policy_files(policies):
        if path.name not in names:
            path.unlink()


def note_beside(pack: Path) -> Path:
    """Return the path of a law pack's signature: law-YEAR.toml.note in the same folder."""
    return pack.with_name(f"{pack.name}.note")


def sign(pack: Path, publisher: str, key: LogKey) -> str:
    """Return a publisher's signature on a law pack, as a signed note.
    Raises GatewayError for a malformed name of the pack or of the publisher.
    """
    check_name(pack)
    if not publisher.endswith(_PUBLISHER):
        raise GatewayError(f"the name of a publisher ends in {_PUBLISHER}, so that it is no log's")
    content = pack.read_bytes()
    return checkpoint(publisher, len(content), hashlib.sha256(content).digest(), key)


def verified(pack: Path, content: bytes, note: str, publishers: tuple[str, ...]) -> LawPack:
    """Return the law pack in `content` after verifying the signature in `note` of a known publisher.
    `pack`: the path that errors name. `publishers`: the verifier keys. Raises GatewayError, with the fault,
    if the signature does not count.
    """
    check_name(pack)
    if not publishers:
        raise GatewayError("no publisher of law packs is known: law_publishers under [log] in gateway.toml")
    head = read_checkpoint(note, publishers)
    found = len(content), hashlib.sha256(content).digest()
    if not head.origin.endswith(_PUBLISHER) or (head.size, head.root) != found:
        raise GatewayError(f"{note_beside(pack).name} does not sign {pack.name}")
    return parsed_toml(content, LawPack, str(pack))


def install(pack: Path, note: str, publishers: tuple[str, ...], policies: Path) -> LawPack:
    """Add a law pack, signed by `note`, to the folder of draft policies; return the law pack.
    Raises GatewayError, and adds nothing, if the pack, the signature, or the draft with the pack is faulty.
    """
    content = pack.read_bytes()  # Read once: whoever may write the file could change it after it is verified.
    found = verified(pack, content, note, publishers)
    with policies_with(policies, pack.name, content) as tried:
        if faults := check(tried):
            raise GatewayError("; ".join(map(str, faults)))
    write_durably(policies / pack.name, content, mode=0o644)
    return found


@contextmanager
def policies_with(policies: Path, name: str, content: bytes) -> Iterator[Path]:
    """Yield a temporary copy of policies with one file added or replaced."""
    with tempfile.TemporaryDirectory() as folder:
        for path in policy_files(policies):
            shutil.copyfile(path, Path(folder) / path.name)
        (Path(folder) / name).write_bytes(content)
        yield Path(folder)


def check_name(pack: Path) -> None:
    """Raise GatewayError for a file without a law pack's name, law-YEAR.toml."""
    if not fnmatch(pack.name, PACKS):
        raise GatewayError(f"{pack.name} is no name of a law pack: law-YYYY-YY.toml")


@contextmanager
def edited(policies: Path, file: str, content: str) -> Iterator[Path]:
    """Yield a temporary copy of policies with one file edited. Raise GatewayError for an unknown file."""
    if not (policies / file).is_file() or Path(file).name != file:
        raise GatewayError(f"the policies have no file {file}")
    with policies_with(policies, file, content.encode()) as folder:
        yield folder


@contextmanager
def folder_of(session: Session, home: Home, digest: str) -> Iterator[Path | None]:
    """Yield the folder of the policies with a digest; None for an unknown digest.
    The folder is a stored version, or a temporary copy of a draft made in the console.
    """
    draft = None if home.version(digest).is_dir() else session.get(PolicyDraftRow, digest)
    if draft is None or not home.version(draft.base).is_dir():
        yield home.version(digest) if home.version(digest).is_dir() else None
        return
    with edited(home.version(draft.base), draft.file, draft.content) as folder:
        yield folder


def put_draft(session: Session, draft: PolicyDraftRow) -> None:
    """Store a draft of policies, replacing any other."""
    for row in session.exec(select(PolicyDraftRow).where(col(PolicyDraftRow.digest) != draft.digest)).all():
        session.delete(row)
    session.merge(draft)
    session.flush()


def loses_protection(before: Path, after: Path) -> bool:
    """Return True if any edit between two versions of the policies weakens the protection of data."""
    return any(edit.weight == "loses protection" for edit in edits(before, after))
