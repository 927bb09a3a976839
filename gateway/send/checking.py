"""Check a file before sending, by the authority's policies, and offer meanings for unknown headings."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from pydantic import TypeAdapter

from gateway.classify import Rules, classify, load_rules
from gateway.classify.findings import describe
from gateway.classify.rules import statable
from gateway.classify.tally import judge_on
from gateway.errors import ConfigurationError, GatewayError
from gateway.home.settings import ClassifyLimits, Limits, OpenLimits, read_toml
from gateway.model import Classified, ContentRefused, Provider
from gateway.policy.catalogue import Catalogue, load_catalogue
from gateway.policy.decide import decide
from gateway.policy.items import harmless_name, sensitive_reasons
from gateway.policy.shipped import shipped_policies
from gateway.reasons import sentence_and_step
from gateway.send import trust
from gateway.send.connection import CannotReach
from gateway.send.files import Mark, opened, unwritten
from gateway.send.kit import Kit
from gateway.send.sealing import check_size, digest_of
from gateway.zones.sealing import ENOUGH_BYTES, is_sealed, looks_like

_CUT, _PROVIDER = "classify:malformed", TypeAdapter(Provider)
_NOT_TOLD = "the gateway has not told yet what kind of organisation you are: checked as a school"
_OTHER_VERSION = (
    "the authority's policies are of another version than this program: checked by those that came with it"
)
_NOT_OF_THE_FILE = frozenset(
    {
        "policy:allowed",
        "policy:on-behalf",
        "policy:embargo",
        "policy:for-schools",
        "policy:agreement-not-ratified",
        "classify:version-old",
        "policy:assessment",
        "policy:out-of-season",
    }
)
"""Codes of reasons that do not stop a file: it would be accepted, or would only have to wait."""
_OF_THE_SENDER = frozenset({"policy:sender-not-in-flow", "policy:other-school", "policy:school-not-named"})


@dataclass(frozen=True, slots=True)
class Seen:
    """The result of checking a local file. Each of `stops` says why not to send it, unless a person insists.

    `digest` is the SHA-256 of the content, in hex. `is_cut`: the writer may not be done, since the end seems
    to be missing; half of a CSV file is itself a valid CSV file, with fewer pupils.
    """

    file: Path
    digest: str
    mark: Mark
    found: Classified | ContentRefused
    stops: tuple[str, ...]
    is_cut: bool


@dataclass(frozen=True, slots=True)
class Check:
    """The rules, agreement and limits for checking one provider's files.

    `note` says so if the policies are not the authority's, or facts about the provider are missing; else "".
    """

    rules: Rules
    catalogue: Catalogue
    provider: Provider
    limits: OpenLimits
    note: str = ""

    @classmethod
    def of(cls, kit: Kit) -> Self:
        """Return the check for a kit, by the authority's policies and the facts about the provider.
        Policies and facts are those fetched last. CannotReach if none were fetched yet. If the policies can
        be read only by another version of this program, the shipped policies are used.
        """
        name = kit.settings().provider
        with TemporaryDirectory() as folder:
            facts = trust.kept(kit, Path(folder))
            if facts is None:
                raise CannotReach(trust.NONE)
            note = "" if facts else _NOT_TOLD
            # Facts that only a later version knows are ignored.
            provider = _PROVIDER.validate_python(
                {"kind": "school", **facts, "id": name, "name": name, "ratified": True}
            )
            try:
                return cls._by(Path(folder), provider, note)
            except ConfigurationError:
                return cls._by(shipped_policies(), provider, note or _OTHER_VERSION)

    @classmethod
    def _by(cls, folder: Path, provider: Provider, note: str = "") -> Self:
        limits = read_toml(folder / "limits.toml", Limits).open
        rules = load_rules(folder).with_stated(provider.stated)
        return cls(rules, load_catalogue(folder), provider, limits, note)

    def look_at(self, file: Path, today: date, tell: Callable[[int, int], None] = lambda *_: None) -> Seen:
        """Read and classify a file; `tell` is called with the number of bytes read so far, and the size.

        GatewayError if the file is a key, already sealed, empty, or above the gateway's limit. InUse while
        another program writes to the file.
        """
        with unwritten(file):
            pass
        with opened(file) as source:
            mark = Mark.of(source)
            if not mark.size:
                raise GatewayError(f"{file.name} is empty")
            check_size(file.name, mark.size, min(self.limits.content_bytes, self.limits.sealed_bytes))
            start = source.read(ENOUGH_BYTES)
            kind = looks_like(start, whole=mark.size <= ENOUGH_BYTES)
            if kind == "secret-key":
                raise GatewayError(f"{file.name} is a secret key: never send it to anybody")
            if kind == "public":
                raise GatewayError(f"{file.name} is a public key or a signature: give the file with the data")
            if is_sealed(start):
                raise GatewayError(
                    f"{file.name} is encrypted already, so nothing can be said of it: give the plain file, "
                    "which is signed and encrypted here"
                )
            digest = digest_of(source, lambda done: tell(done, mark.size))
            source.seek(-min(mark.size, 2), os.SEEK_END)
            is_ended = source.read().rstrip(b"\0").endswith((b"\n", b"\r"))  # Also in UTF-16.
            source.seek(0)
            try:
                found = classify(source, file.name, ClassifyLimits(), self.rules, today=today)
            finally:
                judge_on.cache_clear()  # No value judged stays in memory, as where a folder is watched.
        is_cut = (
            found.code == _CUT or not is_ended
            if isinstance(found, ContentRefused)
            else (found.format == "CSV" and not is_ended)
        )
        return Seen(file, digest, mark, found, tuple(self._stops(found)), is_cut)

    def _stops(self, found: Classified | ContentRefused) -> Iterator[str]:
        if isinstance(found, ContentRefused):
            about = found.about or found.runner_up or "something unknown"
            sentence, next_step = sentence_and_step(
                found.code, kind=about, kinds=about, what=about, count=len(found.parts)
            )
            yield _told(sentence, next_step, found.code)
            for reason in sensitive_reasons(found, self.catalogue):
                yield _told(reason.sentence, reason.next_step, reason.code)
            return
        decision = decide(found, self.catalogue, self.provider, datetime.now(UTC))
        left_aside = _NOT_OF_THE_FILE | (_OF_THE_SENDER if self.note == _NOT_TOLD else frozenset())
        for reason in decision.reasons:
            if reason.code not in left_aside:
                yield _told(reason.sentence, reason.next_step, reason.code)
        yield from (describe(finding) for finding in found.findings if finding.expected)
        yield from (
            f"{one.place} {one.position} is headed {one.header}; if it is an item of the agreement, say so: "
            "gateway send headings FILE"
            for one in found.unlisted
            if one.header and harmless_name(one.header) not in self.provider.harmless
        )


def _told(sentence: str, next_step: str, code: str) -> str:
    return f"Its receipt would say: {sentence} {next_step} [{code}]"


def choices(check: Check, seen: Seen) -> Mapping[str, str]:
    """Return the items that an unknown heading may mean: keys by label; {} for a file of no flow."""
    flow = check.catalogue.flow_of(seen.found.data_type) if isinstance(seen.found, Classified) else None
    if flow is None:
        return {}
    return {label: key for key, label in statable(check.rules.items, check.catalogue.appendix_a).items()}


def misfit(check: Check, seen: Seen, today: date, heading: str, key: str) -> str:
    """Return why a heading of a file cannot mean the item `key`, given the values under it; "" if it can."""
    tried = replace(check, rules=check.rules.with_stated([(heading, key)]))
    before, after = seen.found, tried.look_at(seen.file, today).found
    if not isinstance(before, Classified) or not isinstance(after, Classified):
        return "the file would not be taken for what it is any more"
    if before.data_type != after.data_type or len(after.unlisted) >= len(before.unlisted):
        return "no heading like that may have this meaning"
    label = check.rules.items[key].label
    if any(found.expected and found.about == label for found in after.findings):
        return f"what stands under it is not {check.rules.expected(key)}"
    return ""
