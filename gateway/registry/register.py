"""Keep the register in each process: a cache of providers, keys, ratifications and markers.

Every file needs the register, and changes are rare. So each transaction that writes a table of
`vouched_rows.REGISTER`, or changes the policies in force, raises a version number, by a random step: after a
restore no other state has a known number. A reader reads the number in the same transaction, and the tables
only if the number has changed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple

from sqlalchemy import select, text
from sqlmodel import Session, col

from gateway.errors import NotFoundError
from gateway.model import KeyKind, Provider, RatificationsThatCount
from gateway.registry import keys, markers, providers
from gateway.registry.keys import Key, OwnerKind
from gateway.registry.sight import WHOLE
from gateway.registry.tables import RatificationRow
from gateway.registry.vouched_rows import REGISTER, REGISTER_CHANGED, last_numbers

KEPT, VERSION = "gateway register", "gateway register version"
"""Keys of `Session.info`: for the register as last read, shared by all threads; for its version if known."""
_READ = text("SELECT coalesce(max(number), 0) FROM register_version")
COUNT_UP = text(
    "INSERT INTO register_version (id, number) VALUES (1, :step)"
    " ON CONFLICT (id) DO UPDATE SET number = register_version.number + :step"
)


_Ratified = Mapping[str, Mapping[str, tuple[str, date | None]]]
"""The SHA-256 of the text signed and the end by notice, by provider and academic year."""


@dataclass(frozen=True, slots=True, eq=False)
class SendersRegister:
    """Providers, ratifications, keys and markers at one version; compared by identity, not by content.

    `keys` are in any state, by owner and in the order of enrolment; `holders` has the same keys by kind and
    fingerprint. `markers` maps a marker's number to the digests of the child.
    """

    version: int
    providers: Mapping[str, Provider]
    ratified: _Ratified
    keys: Mapping[tuple[OwnerKind, str], Sequence[Key]]
    holders: Mapping[tuple[KeyKind, str], Key]
    markers: Mapping[int, frozenset[bytes]]

    def provider(self, identifier: str, counting: RatificationsThatCount | None = None) -> Provider:
        """Return a provider; `ratified` is True if the provider has a ratification that counts.
        `counting` says which ratifications count: years, text and day. None: no ratification counts.
        NotFoundError for an unknown id.
        """
        if (found := self.providers.get(identifier)) is None:
            raise NotFoundError(f"there is no provider {identifier}")
        if counting and not self.years(identifier, counting.text, counting.on).isdisjoint(counting.years):
            return replace(found, ratified=True)
        return found

    def enrolled(self, counting: RatificationsThatCount | None = None) -> list[Provider]:
        """Return every provider, sorted by id; `ratified` is True if the provider has a ratification that
        counts. `counting` says which ratifications count; None: no ratification counts.
        """
        return [self.provider(one, counting) for one in self.providers]

    def years(self, provider: str, text_sha256: str | None = None, on: date | None = None) -> frozenset[str]:
        """Return the academic years for which a provider has ratified the agreement.
        `text_sha256`: if given, only ratifications of the text with this digest. `on`: if given,
        ratifications that a notice has ended by this day are left out.
        """
        return frozenset(
            year
            for year, (signed_text, ends) in self.ratified.get(provider, {}).items()
            if text_sha256 in {None, signed_text} and (ends is None or on is None or on < ends)
        )


def version(session: Session) -> int:
    """Return the register's version number, as this transaction sees it."""
    if session.info.get(VERSION) is None:
        in_sqlite = session.get_bind().dialect.name == "sqlite"
        found = last_numbers(session)["register_version"] if in_sqlite else session.connection().scalar(_READ)
        session.info[VERSION] = found
    known: int = session.info[VERSION]
    return known


def of(session: Session) -> SendersRegister:
    """Return the register as this transaction sees it, with the changes that the transaction itself made."""
    pending = (*session.new, *session.dirty, *session.deleted)
    if any(row.__tablename__ in REGISTER for row in pending):
        session.flush()  # Not always, as the rows of files are written together later.
    if (changed := session.info.get(REGISTER_CHANGED)) is not None:
        own: SendersRegister = changed.get("register") or changed.setdefault("register", _read(session, -1))
        return own
    kept: dict[str, SendersRegister] = session.info.setdefault(KEPT, {})
    known = kept.get("register")  # Read once: other threads may replace the value.
    if known is None or known.version != version(session):
        known = kept["register"] = _read(session, version(session))
    return known


def read_again(session: Session) -> SendersRegister:
    """Return the register as it is in the database now, even if the session was given an older version."""
    session.info[VERSION] = None
    return of(session)


def _read(session: Session, as_of: int) -> SendersRegister:
    ratified: defaultdict[str, dict[str, tuple[str, date | None]]] = defaultdict(dict)
    row = RatificationRow
    query = select(col(row.provider), col(row.academic_year), col(row.text_sha256), col(row.ends_on))
    # What a reader reads who may not know of some files is kept for everybody.
    for provider, year, text_sha256, ends_on in session.execute(query.execution_options(**{WHOLE: True})):
        ratified[provider][year] = text_sha256, ends_on
    of_each: defaultdict[tuple[OwnerKind, str], list[Key]] = defaultdict(list)
    every = keys.list_keys(session)
    for key in every:
        of_each[key.owner_kind, key.owner].append(key)
    return SendersRegister(
        version=as_of,
        providers={one.id: one for one in providers.list_providers(session)},
        ratified=ratified,
        keys=of_each,
        holders={(key.kind, key.fingerprint): key for key in every},
        markers=markers.digests_of_each(session),
    )


_READ_NEWS = text(
    "SELECT (SELECT coalesce(max(number), 0) FROM register_version),"
    " (SELECT coalesce(max(sequence), 0) FROM receipt),"
    " (SELECT text FROM checkpoint ORDER BY size DESC LIMIT 1),"
    " EXISTS (SELECT 1 FROM transfer WHERE state = 'landed')"
)


class News(NamedTuple):
    """The last changes: the register's version, the last receipt's number, the newest signed head or None.

    `landed` is True while a file on record waits for a decision.
    """

    register: int
    receipt: int
    head: str | None
    landed: bool


def read_news(session: Session) -> News:
    """Return the registry's last changes, read with one query."""
    register, receipt, head, landed = session.connection().execute(_READ_NEWS).one()
    return News(register, receipt, head, bool(landed))
