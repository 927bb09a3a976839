"""Assignments for the examination of landed uploads, read from the registry for many at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from sqlmodel import Session

from gateway.examiner.protocol import Job
from gateway.home.settings import load_settings
from gateway.model import Upload
from gateway.record.conclude import opening_keys, own_keys, signers_of
from gateway.record.registrar import Registrar, Rulebook
from gateway.registry import register, transfers
from gateway.secrets import secret_files


@dataclass(frozen=True, slots=True)
class Assignment:
    """One upload to examine. `judged_by`: digests of the provider's keys and the rules; the key set.

    `decided_before`: the time of an earlier decision, where the file is examined again.
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
    """Return the assignments of landed uploads, oldest first, by the current keys.

    Uploads `in_progress` are not on record yet. `version` is a version of the register just read, to spare a
    second read; the decision checks the keys again.
    """
    known = [reference for reference in references if reference not in in_progress]
    with registrar.registry.read() as session:
        if version is not None:
            register.rely_on(session, version)
        found = [
            *(transfers.to_examine(session, known) if known else ()),
            *((in_progress[reference], None) for reference in references if reference in in_progress),
        ]
        return [
            replace(
                one,
                judged_by=f"{one.judged_by} {registrar.signing.key_set}",
                decided_before=before,
            )
            for upload, before in found
            for one in [assignment_of(registrar, session, upload, now)]
        ]


def assignment_of(rulebook: Rulebook, session: Session, upload: Upload, now: datetime) -> Assignment:
    """Return the assignment of one upload, by the current keys."""
    signers, catalogue = signers_of(session, upload.provider, now), rulebook.catalogue
    openers = [key.fingerprint for key in opening_keys(own_keys(session), upload.landed_at, now)]
    provider = rulebook.provider(session, upload.provider, now)
    own_pupils = catalogue.bodies.of(provider.kind).own_pupils
    job = Job(
        reference=upload.reference,
        name=upload.name,
        senders=tuple(key.material for key in signers.in_force),
        others=tuple(key.material for key in signers.others),
        opens_with=tuple(one for one in openers if secret_files.secret_key_file(rulebook.home, one).exists()),
        now=now,
        folder=upload.folder,
        agreement=catalogue.agreement_text if upload.folder == "agreement" else "",
        least_rsa_bits=catalogue.methods.strength.rsa_bits,
        verified=_verified(rulebook) if upload.folder == "keys" else (),
        rolls=catalogue.agreement.discrepancies.rolls if own_pupils else (),
        stated=provider.stated if upload.folder == "in" else (),
    )
    return Assignment(upload, job, f"{signers.digest} {catalogue.rules}")


def _verified(rulebook: Rulebook) -> tuple[str, ...]:
    """Return the abilities verified of the engines in use, found out once for the process."""
    from gateway.openpgp import abilities  # noqa: PLC0415 - loads both engines, and few drop a key

    return tuple(sorted(abilities.verified(load_settings(rulebook.home).processor)))
