"""Prepare landed uploads for examination, and decide on examined files, without side effects.

An OpenPGP engine verifies a signature; whether the signature counts is decided by the gateway's records of
keys.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

from sqlmodel import Session

from gateway.examiner.protocol import FileLost, FileOpened, FileRefused, Job
from gateway.home.settings import load_settings
from gateway.model import Decision, Held, Late, Provider, Reason, Refused, Transfer, Upload
from gateway.openpgp.certificates import compromised
from gateway.openpgp.engines import verified
from gateway.policy.catalogue import Catalogue
from gateway.policy.decide import decide
from gateway.policy.items import sensitive_reasons
from gateway.reasons import UNKNOWN_LOGIN
from gateway.record.registrar import Registrar, Rulebook
from gateway.registry import register, transfers
from gateway.registry.keys import Key
from gateway.secrets import secret_files

_SIGNED_LATE: dict[Late, str] = {"renewed": "open:renewed-since", "vouched": "open:vouched-since"}
SIGNED_LATE = frozenset(_SIGNED_LATE.values())

File = FileOpened | FileRefused | FileLost
"""The outcome of the examination of a file of pupils' data."""


@dataclass(frozen=True, slots=True)
class Signers:
    """A provider's OpenPGP certificates at one moment: those in force, and all others."""

    in_force: tuple[Key, ...]
    others: tuple[Key, ...]

    @property
    def digest(self) -> str:
        """A digest of all certificates and their states. If the digest changes, files are examined again."""
        parts = [
            f"{key.fingerprint} {key.state} {key.revocation} {key.until} "
            f"{hashlib.sha256(key.material.encode()).hexdigest()}"
            for key in (*self.in_force, *self.others)
        ]
        text = "\n".join([str(len(self.in_force)), *sorted(parts)])
        return hashlib.sha256(text.encode()).hexdigest()

    def awaits_renewal(self, now: datetime) -> bool:
        """Return True if a certificate in force by the gateway's records has expired by its own date."""
        return any(key.has_expired(now) for key in self.in_force)


def signers_of(session: Session, provider: str, now: datetime) -> Signers:
    """Return the OpenPGP certificates of a provider."""
    in_force: list[Key] = []
    others: list[Key] = []
    for key in register.of(session).keys.get(("provider", provider), ()):
        if key.kind == "openpgp":
            (in_force if key.is_in_force(now) else others).append(key)
    return Signers(tuple(in_force), tuple(others))


def objection(
    signer: Key | None, made: datetime, now: datetime, catalogue: Catalogue
) -> Held | Refused | None:
    """Return a hold or refusal of a file because of the signing key; None if the signature counts.
    `signer` is None if the key is not the sender's: the file is refused. `made`: the time of the signature. A
    file signed before the key was replaced or ended is held for a person; a file signed later is refused. A
    new key not approved yet holds the file. A compromised key never counts, since a thief can date a
    signature back.
    """
    if signer is None:
        return Refused(reasons=(catalogue.reason("open:wrong-signer"),))
    if signer.is_in_force(now):
        return None
    if signer.state == "pending":
        return Held(reasons=(catalogue.reason("key:not-approved"),))
    if signer.revocation == "hard":
        return Refused(reasons=(catalogue.reason("open:key-revoked"),))
    ended = min(moment for moment in (signer.ended_at, signer.not_after, now) if moment is not None)
    if made < ended:
        return Held(reasons=(catalogue.reason("open:key-superseded"),))
    return Refused(reasons=(catalogue.reason("key:retired"),))


def distrust(session: Session, transfer: Transfer, catalogue: Catalogue, now: datetime) -> tuple[Reason, ...]:
    """Return why the key that signed a file, or the SSH key that brought it, is not trusted any more.
    A compromised key or subkey is never trusted, whenever it was used. A suspended key is not trusted until
    somebody has confirmed it again.
    """
    made, holders = transfer.signature, register.of(session).holders
    signer = holders.get(("openpgp", made.certificate)) if made else None
    login = holders.get(("ssh", transfer.upload.ssh_key))
    codes = []
    if signer is not None and signer.state == "pending":
        codes.append("key:not-approved")
    elif signer is not None and made is not None:
        stolen = signer.revocation == "hard" or (
            made.signing_key != made.certificate
            and made.signing_key in compromised(signer.material.encode(), now)
        )
        codes += ["open:key-revoked"] * stolen
    if login is not None and (login.state == "pending" or login.revocation == "hard"):
        codes.append(UNKNOWN_LOGIN)
    return tuple(map(catalogue.reason, codes))


def came_by_login(session: Session, upload: Upload) -> bool:
    """Return True if the SSH key of the session that brought an upload was in force when the upload landed.
    Intake names the key. A key ended or replaced after the landing counts; a compromised key never does.
    """
    known = register.of(session).keys.get(("provider", upload.provider), ())
    login = next((key for key in known if (key.kind, key.fingerprint) == ("ssh", upload.ssh_key)), None)
    if login is None or login.state == "pending" or login.revocation == "hard":
        return False
    ended = [moment for moment in (login.ended_at, login.not_after) if moment is not None]
    return all(upload.landed_at < moment for moment in ended)


def opening_keys(own: Sequence[Key], landed_at: datetime, now: datetime) -> Sequence[Key]:
    """Return the keys of the gateway, among `own`, that may open an upload: in force now, or when it landed.
    A file sealed in time is not refused because the gateway's key was retired after the landing.
    """
    trusted = {"active", "retiring", "retired"}
    return [
        key
        for key in own
        if key.is_in_force(now)
        or (key.state in trusted and ((ends := key.not_after or key.ended_at) is None or landed_at < ends))
    ]


def decision_on(
    file: File,
    catalogue: Catalogue,
    provider: Provider,
    now: datetime,
    *,
    earlier: str | None,
    signers: Signers,
    landed_at: datetime | None = None,
) -> Decision:
    """Return the decision on an examined file. `landed_at`: when it landed, if before `now`.
    `earlier`: the reference of an earlier transfer with the same signature, if any: the file is then a
    replay.
    """
    match file:
        case FileLost():
            return Held(reasons=(catalogue.reason("internal:held"),))
        case FileRefused(why=why):
            reason = catalogue.reason(why.code, **why.detail)
            waits = why.code == "open:key-expired" and signers.awaits_renewal(now)
            return Held(reasons=(reason,)) if waits else Refused(reasons=(reason,))
        case FileOpened(opened=opened):
            made, known = opened.signature, (*signers.in_force, *signers.others)
            signer = next((key for key in known if key.fingerprint == made.certificate), None)
            objected = objection(signer, made.created_at, now, catalogue)
            if earlier is not None and not isinstance(objected, Refused):  # An invalid key outranks a replay.
                objected = Refused(reasons=(catalogue.reason("open:replayed", earlier=earlier),))
    if objected is None and file.why is not None:
        objected = Held(reasons=(catalogue.reason(file.why.code, **file.why.detail),))
    if isinstance(objected, Held):
        # A sensitive file is for few people, whatever the reasons for waiting.
        return replace(objected, reasons=(*objected.reasons, *sensitive_reasons(file.content, catalogue)))
    decision = objected or decide(file.content, catalogue, provider, now, landed_at=landed_at)
    if isinstance(decision, Refused):
        return replace(decision, few=any(sensitive_reasons(file.content, catalogue)))
    return decision if opened.late is None else with_reason(decision, _SIGNED_LATE[opened.late], catalogue)


def with_reason(decision: Decision, code: str, catalogue: Catalogue) -> Decision:
    """Return a decision with the reason `code` added."""
    return replace(decision, reasons=(*decision.reasons, catalogue.reason(code)))


def held_for_login(decision: Decision, catalogue: Catalogue) -> Decision:
    """Return a hold without end in place of a decision, because the SSH key of the login does not count.
    A refusal is returned unchanged.
    """
    if isinstance(decision, Refused):
        return decision
    # The hold loses its date, which would release the file automatically.
    others = decision.reasons if isinstance(decision, Held) else ()
    return Held(reasons=(*others, catalogue.reason(UNKNOWN_LOGIN)), flow=decision.flow, teams=decision.teams)


@dataclass(frozen=True, slots=True)
class Assignment:
    """One upload to examine, and the `job` for the examiner.

    `judged_by`: digests of the sender's certificates, of the rules and of the gateway's keys.
    `decided_before`: the time of an earlier decision, if the file is examined again; else None.
    """

    upload: Upload
    job: Job
    judged_by: str
    decided_before: datetime | None = None


def assignments(
    registrar: Registrar,
    references: Sequence[str],
    now: datetime,
    in_progress: Mapping[str, Upload] = MappingProxyType({}),
    version: int | None = None,
) -> list[Assignment]:
    """Return assignments for landed uploads, oldest first, with the keys now in force.
    `in_progress`: uploads not on record yet, by reference. `version`: the register's version, if
    just read: then the register is not read again. Keys are checked again when the file is decided.
    """
    known = [reference for reference in references if reference not in in_progress]
    with registrar.registry.read(version) as session:
        found = [
            *(transfers.to_examine(session, known) if known else ()),
            *((in_progress[reference], None) for reference in references if reference in in_progress),
        ]
        return [
            replace(one, judged_by=f"{one.judged_by} {registrar.signing.key_set}", decided_before=before)
            for upload, before in found
            for one in [assignment_of(registrar, session, upload, now)]
        ]


def assignment_of(rulebook: Rulebook, session: Session, upload: Upload, now: datetime) -> Assignment:
    """Return the assignment for an upload: the gateway's keys to open it, and the sender's certificates."""
    signers, catalogue = signers_of(session, upload.provider, now), rulebook.catalogue
    own = [one for one in register.of(session).keys.get(("gateway", "gateway"), ()) if one.kind == "openpgp"]
    openers = [key.fingerprint for key in opening_keys(own, upload.landed_at, now)]
    provider = rulebook.provider(session, upload.provider, now)
    own_pupils = provider.kind in catalogue.bodies.with_own_pupils
    job = Job(
        reference=upload.reference,
        name=upload.name,
        senders=tuple(key.material for key in signers.in_force),
        others=tuple(key.material for key in signers.others),
        opens_with=tuple(one for one in openers if secret_files.secret_key_file(rulebook.home, one).exists()),
        now=now.astimezone(ZoneInfo(catalogue.calendar.timezone)),  # A file's dates are days at the school.
        waited_days=max(0, (now - upload.landed_at) / timedelta(days=1)),
        folder=upload.folder,
        agreement=catalogue.agreement_text if upload.folder == "agreement" else "",
        least_rsa_bits=catalogue.methods.strength.rsa_bits,
        verified=tuple(sorted(verified(load_settings(rulebook.home).processor)))
        if upload.folder == "keys"
        else (),
        rolls=catalogue.agreement.discrepancies.rolls if own_pupils else (),
        stated=provider.stated if upload.folder == "in" else (),
    )
    return Assignment(upload, job, f"{signers.digest} {catalogue.rules}")
