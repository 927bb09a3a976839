"""What a file is and what is wrong with it, said before it leaves: offline, by the policies that ship."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Self

from gateway.classify import Rules, classify, load_rules
from gateway.errors import GatewayError
from gateway.home.settings import ClassifyLimits
from gateway.model import Classified, ContentRefused, Provider, Reason
from gateway.policy.catalogue import Catalogue, load_catalogue
from gateway.policy.shipped import shipped_policies
from gateway.policy.unlisted import notices, sensitive_reasons, waits
from gateway.reasons import told
from gateway.send.files import opened
from gateway.zones.sealing import ENOUGH_BYTES, is_sealed


@dataclass(frozen=True, slots=True)
class Seen:
    """A file as it lies here. `stops`: sentences, each of which keeps it from being sent unasked."""

    file: Path
    content: bytes
    found: Classified | ContentRefused
    stops: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """What files are held against: the rules and the agreement as they ship, for one provider."""

    rules: Rules
    catalogue: Catalogue
    provider: Provider

    @classmethod
    def shipped(cls, provider: str) -> Self:
        """By the policies that came with this version; the authority may have added to them since."""
        policies = shipped_policies()
        # What kind of body it is, and which columns it may have beside, only the gateway knows.
        known = Provider(id=provider, name=provider, kind="school")
        return cls(load_rules(policies), load_catalogue(policies), known)

    def look_at(self, file: Path, today: date) -> Seen:
        """Read a file and say what it is. GatewayError where it is sealed already, or empty."""
        with opened(file) as source:
            content = source.read()
        if not content:
            raise GatewayError(f"{file.name} is empty")
        if is_sealed(content[:ENOUGH_BYTES]):
            raise GatewayError(
                f"{file.name} is encrypted already, so nothing can be said of it: give the plain file, which "
                "is signed and encrypted here"
            )
        found = classify(io.BytesIO(content), file.name, ClassifyLimits(), self.rules, today=today)
        return Seen(file, content, found, tuple(self._stops(found)))

    def _stops(self, found: Classified | ContentRefused) -> Iterator[str]:
        if isinstance(found, ContentRefused):
            about = found.about or found.runner_up or "something unknown"
            sentence, next_step = told(
                found.code, kind=about, kinds=about, what=about, count=len(found.parts)
            )
            yield f"{sentence} {next_step} [{found.code}]"
            yield from (_in_words(reason) for reason in sensitive_reasons(found, self.catalogue))
            return
        flow = self.catalogue.flow_of(found.data_type)
        if flow is None:
            yield f"The agreement does not list {found.data_type}."
            return
        asked = (found, self.catalogue, self.provider, flow)
        yield from (
            f"Its receipt would say: {_in_words(reason)}" for reason in (*waits(*asked), *notices(*asked))
        )
        yield from (
            f"{one.place} {one.position} is headed {one.header}" for one in found.unlisted if one.header
        )


def _in_words(reason: Reason) -> str:
    return f"{reason.sentence} {reason.next_step} [{reason.code}]"
