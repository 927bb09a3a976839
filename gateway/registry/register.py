"""The register: who may send, with which keys. A process keeps it until an act of a person changes it.

Every file asks for it, and it changes seldom. So a number is counted up by every transaction that writes a
table of `vouched_rows.REGISTER`, or that changes which policies are to decide. Whoever asks reads that number
first, in the transaction that the answer is for, and reads the rest only where the number is another one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from sqlalchemy import select, text
from sqlmodel import Session, col

from gateway.errors import NotFoundError
from gateway.model import KeyKind, Provider, RatificationsThatCount
from gateway.registry import keys, markers, providers
from gateway.registry.inserting import last_numbers
from gateway.registry.keys import Key, OwnerKind
from gateway.registry.tables import RatificationRow
from gateway.registry.vouched_rows import REGISTER_CHANGED

_KEPT, _VERSION = "gateway register", "gateway register version"
_READ = text("SELECT coalesce(max(number), 0) FROM register_version")
_COUNT_UP = text(
    "INSERT INTO register_version (id, number) VALUES (1, 1)"
    " ON CONFLICT (id) DO UPDATE SET number = register_version.number + 1"
)
T = TypeVar("T")
_Keys = tuple[Mapping[tuple[OwnerKind, str], Sequence[Key]], Mapping[tuple[KeyKind, str], Key]]
"""The keys of each owner, and every key by its kind and fingerprint."""


@dataclass(slots=True)
class Kept:
    """What a process knows of the register: as of which version, and the parts that were read of it."""

    known: tuple[int, dict[str, Any]] = (-1, {})


def keep(session: Session, kept: Kept) -> None:
    """Let a session use what its process knows, and add to that."""
    session.info[_KEPT] = kept


def count_up(session: Session) -> None:
    """Count the register's version up at the end of a transaction that changed it."""
    if REGISTER_CHANGED in session.info:
        session.connection().execute(_COUNT_UP)


def rely_on(session: Session, known: int) -> None:
    """Let a session that only reads take the register to be of a version that was read just before."""
    session.info[_VERSION] = known


def version(session: Session) -> int:
    """Return how often the register was changed, as this transaction sees it."""
    if session.info.get(_VERSION) is None and session.get_bind().dialect.name == "sqlite":
        return last_numbers(session)["register_version"]
    if _VERSION not in session.info:
        session.info[_VERSION] = session.connection().scalar(_READ)
    found: int = session.info[_VERSION]
    return found


def of(session: Session) -> Register:
    """Return the register as it is in this transaction, with what the transaction itself has changed."""
    session.flush()
    if REGISTER_CHANGED in session.info:
        return Register(session, session.info[REGISTER_CHANGED])
    kept = session.info.setdefault(_KEPT, Kept())
    known, parts = kept.known  # Read at once: other threads may put another version there.
    if known != version(session):
        parts = {}
        kept.known = version(session), parts
    return Register(session, parts)


@dataclass(frozen=True, slots=True)
class Register:
    """The register as of one version; what is not known of it yet is read by `session`."""

    session: Session
    parts: dict[str, Any]

    def provider(self, identifier: str, counting: RatificationsThatCount | None = None) -> Provider:
        """Return a provider as the policy sees it: ratified is of whom a ratification is `counting`.

        NotFoundError where there is none.
        """
        found = self._providers().get(identifier)
        if found is None:
            raise NotFoundError(f"there is no provider {identifier}")
        return self._as_ratified(found, counting or RatificationsThatCount())

    def enrolled(self, counting: RatificationsThatCount | None = None) -> list[Provider]:
        """Return every provider, by id, as `provider` does."""
        known = counting or RatificationsThatCount()
        return [self._as_ratified(one, known) for one in self._providers().values()]

    def years(self, provider: str, text_sha256: str | None = None) -> frozenset[str]:
        """Return the academic years that a provider has ratified; those of one text, where one is given."""
        signed = self._ratified().get(provider, {})
        return frozenset(year for year, signed_text in signed.items() if text_sha256 in {None, signed_text})

    def keys_of(self, owner_kind: OwnerKind, owner: str) -> Sequence[Key]:
        """Return the keys of an owner in the order they were added, whatever became of them."""
        return self._keys()[0].get((owner_kind, owner), ())

    def holder(self, kind: KeyKind, fingerprint: str) -> Key | None:
        """Return the key of that fingerprint, whoever has it and whatever became of it."""
        return self._keys()[1].get((kind, fingerprint))

    def markers(self) -> Mapping[int, frozenset[bytes]]:
        """Return the digests of the child that each marker is on, by the markers' numbers."""
        return self._part("markers", markers.digests_of_each)

    def _as_ratified(self, provider: Provider, counting: RatificationsThatCount) -> Provider:
        signed = self._ratified().get(provider.id, {})
        ratified = any(year in signed and counting.text in {None, signed[year]} for year in counting.years)
        return replace(provider, ratified=ratified) if ratified else provider

    def _providers(self) -> Mapping[str, Provider]:
        return self._part("providers", _read_providers)

    def _ratified(self) -> Mapping[str, Mapping[str, str]]:
        return self._part("ratified", _read_ratified)

    def _keys(self) -> _Keys:
        return self._part("keys", _read_keys)

    def _part(self, name: str, read: Callable[[Session], T]) -> T:
        if name not in self.parts:
            self.parts[name] = read(self.session)
        found: T = self.parts[name]
        return found


def _read_providers(session: Session) -> Mapping[str, Provider]:
    return {one.id: one for one in providers.list_providers(session)}


def _read_ratified(session: Session) -> Mapping[str, Mapping[str, str]]:
    """The SHA-256 of the text that each provider has signed for each academic year."""
    columns = (RatificationRow.provider, RatificationRow.academic_year, RatificationRow.text_sha256)
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for provider, year, text_sha256 in session.execute(select(*map(col, columns))):
        found[provider][year] = text_sha256
    return found


def _read_keys(session: Session) -> _Keys:
    of_each: defaultdict[tuple[OwnerKind, str], list[Key]] = defaultdict(list)
    found = keys.list_keys(session)
    for key in found:
        of_each[key.owner_kind, key.owner].append(key)
    return of_each, {(key.kind, key.fingerprint): key for key in found}
