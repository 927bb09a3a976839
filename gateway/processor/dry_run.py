"""What would become of a file: opened if it is sealed, classified and decided, and nothing kept."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gateway.classify import classify, load_rules
from gateway.errors import Refusal
from gateway.home import Home
from gateway.model import Classified, ContentRefused, Decision, Provider, Refused
from gateway.openpgp.opener import find_opener
from gateway.policy.decide import decide
from gateway.reasons import reason
from gateway.record.policies_in_force import Policies
from gateway.secrets.secret_files import openpgp_secrets
from gateway.settings import load_settings
from gateway.zones.sealing import ENOUGH_BYTES, is_sealed


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A file, in whose name and when it is tried. `senders` are the provider's certificates in force then."""

    file: Path
    provider: Provider
    at: datetime
    senders: Sequence[bytes] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What came of it. `found` is None where the file could not be opened."""

    decision: Decision
    found: Classified | ContentRefused | None = None


def try_file(trial: Trial, policies: Policies, home: Home) -> Tried:
    """Decide on a plain or sealed file by `policies`. A sealed one is opened with the secrets of `home`.

    OSError where the file cannot be read; ConfigurationError where the secrets cannot.
    """
    descriptor = os.open(trial.file, os.O_RDONLY | os.O_CLOEXEC)
    if is_sealed(os.pread(descriptor, ENOUGH_BYTES, 0)):
        os.close(descriptor)
        try:
            descriptor = _opened(trial, policies, home)
        except Refusal as refusal:
            return Tried(decision=Refused(reasons=(reason(refusal.code, **refusal.detail),)))
    with os.fdopen(descriptor, "rb") as content:
        found = classify(
            content,
            trial.file.name,
            policies.limits.classify,
            load_rules(policies.folder),
            today=trial.at.date(),
        )
    return Tried(decision=decide(found, policies.catalogue, trial.provider, trial.at), found=found)


def _opened(trial: Trial, policies: Policies, home: Home) -> int:
    opener = find_opener(load_settings(home).processor, list(openpgp_secrets(home).values()))
    return opener.open(trial.file, trial.senders, policies.limits.open, trial.at).content
