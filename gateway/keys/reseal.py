"""Resealing: find the keys that stored files need, and seal the files' session keys to a newer key.

A stored file stays as sealed by the sender, octet for octet: receipts and log vouch for the file as evidence.
So resealing encrypts only the session key of the message to the newer key, and stores the result beside the
file (`REF.session`). Rejected alternatives: removing the old session keys from the file would change the
digest; opening and sealing the content anew would put plaintext and the gateway's signature in place of the
sender's.
"""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

from sqlmodel import Session

from gateway.errors import Fault, GatewayError
from gateway.examiner.parent import Examiner
from gateway.examiner.protocol import Reseal
from gateway.home import Home, Spool
from gateway.home.settings import Settings, load_limits
from gateway.keys.changes import clerk_of, sign_head
from gateway.openpgp.certificates import split
from gateway.openpgp.components import parts_of
from gateway.openpgp.envelope import ANYONE, HEAD_BYTES, recipients_of
from gateway.openpgp.interface import OpenFile
from gateway.openpgp.layers import open_session_key
from gateway.registry import keys, log, transfers
from gateway.registry.database import Registry
from gateway.registry.keys import Key
from gateway.secrets import secret_files
from gateway.store.of_home import store_of
from gateway.zones.memory import closing_descriptor
from gateway.zones.spool import BadFileError, fsync_folder, open_content, waiting

_log = logging.getLogger(__name__)
_NOBODY_OPENS = b"none of the gateway's keys opens this file\n"


class Holdings:
    """The gateway's keys on this machine, and which of them each sealed file of the home needs."""

    def __init__(self, home: Home, registry: Registry) -> None:
        self.sealed = store_of(home)
        with registry.read() as session:
            known = keys.list_keys(session, "gateway", "gateway")
            gone = {
                key.fingerprint for key in known if log.events(session, key.fingerprint, kind="key-destroyed")
            }
        held = {path.stem for path in secret_files.secret_keys(home)}
        self._key_ids = {key.fingerprint: _key_ids(key) for key in known if key.fingerprint in held}
        away = (key for key in known if key.fingerprint not in held | gone)
        self._away = frozenset[str]().union(*map(_key_ids, away))

    def needs(self, reference: str, fingerprint: str) -> bool:
        """Return True if, of the gateway's keys, only the given one opens a stored file."""
        with self.sealed.reading_session(reference) as kept:
            if kept is not None:
                return self._only(recipients_of(OpenFile(kept)), fingerprint)
        return self.needs_as_received(reference, fingerprint)

    def needs_as_received(self, reference: str, fingerprint: str) -> bool:
        """Return True if only the given key opens a stored file as it was received, without a resealed
        session key.
        """
        return self._only(self._named(reference), fingerprint)

    def opens_here(self, reference: str) -> bool:
        """Return True if a stored file, as received, is sealed to a key on this machine."""
        return not frozenset[str]().union(*self._key_ids.values()).isdisjoint(self._named(reference))

    def may_open_elsewhere(self, reference: str) -> bool:
        """Return True if a stored file, as received, is sealed to a key that is on another machine."""
        named = self._named(reference)
        return not self._away.isdisjoint(named) or (ANYONE in named and bool(self._away))

    def _named(self, reference: str) -> tuple[str, ...]:
        """Return the key ids to which a stored file, as received, is sealed; () if the file is damaged."""
        # The recipients are at the start of a message; a longer list needs the whole file.
        for most in (HEAD_BYTES, None):
            with self.sealed.reading(reference, most) as sealed:
                if named := recipients_of(OpenFile(sealed)):
                    return named
        return ()

    def upload_needs(self, spool: Spool, reference: str, fingerprint: str, most: int) -> bool:
        """Return True if only the given key opens an upload in the spool.
        False for an upload that is damaged, or larger than `most` bytes.
        """
        try:
            descriptor, _ = open_content(spool, reference, most)
        except BadFileError:
            return False
        with closing_descriptor(descriptor):
            return self._only(recipients_of(Path(f"/proc/self/fd/{descriptor}")), fingerprint)

    def _only(self, recipients: Collection[str], fingerprint: str) -> bool:
        named = set(recipients)
        openers = {held for held, key_ids in self._key_ids.items() if key_ids & named}
        if ANYONE in named:
            openers |= set(self._key_ids)
        return openers == {fingerprint} or (ANYONE in named and fingerprint in openers)


def unopened_sessions(
    home: Home, session: Session, settings: Settings | None = None
) -> Iterator[tuple[str, str | None]]:
    """Yield the file's reference of each stored session key that no gateway key on this machine opens.
    Yield with the reference the fingerprint of a gateway key, on another machine, to which the session key
    is sealed; None if no key is known, as for a damaged session key. `settings` name the store; by default
    the settings of the home.
    """
    store, secrets, elsewhere = store_of(home, settings), dict[str, bytes](), dict[str, str]()
    for reference in store.sessions():
        with store.reading_session(reference) as kept:
            if kept is None or (sealed := OpenFile(kept).read_bytes()) == _NOBODY_OPENS:
                continue
            if not secrets:
                secrets = secret_files.openpgp_secrets(home)
                known = keys.list_keys(session, "gateway", "gateway")
                away = (key for key in known if key.fingerprint not in secrets)
                elsewhere = {key_id: key.fingerprint for key in away for key_id in _key_ids(key)}
            try:
                open_session_key(sealed, secrets.values())
            except Fault:
                yield reference, next(filter(None, map(elsewhere.get, recipients_of(OpenFile(kept)))), None)


def reseal(
    home: Home,
    registry: Registry,
    *,
    limit: int | None,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Counter[str]:
    """Reseal at most `limit` files that need an older key to the current key; count the files by outcome.
    A file is resealed by its stored session key or, if no key here opens that one, as received. Some files
    then open in neither way: a file that a key on another machine may open counts as "failed" and is tried
    last; one whose stored session key is damaged counts as "unopenable". "kept": session keys stored;
    "proved": the number of these with which the content was opened. "unopenable": opened by none of the
    gateway's keys. "failed": the service's log has the reasons; these do not count for the limit. "left": not
    done, because of the limit. An interrupted run can be repeated, and continues. `progress`: called with the
    files done and the total.
    """
    current = secret_files.signing_fingerprint(home)
    older = [path.stem for path in secret_files.secret_keys(home) if path.stem != current]
    store = Holdings(home, registry)
    with registry.read() as session:
        lacking = dict(unopened_sessions(home, session))
    todo = [
        each
        for each in store.sealed.references()
        if each in lacking or any(store.needs(each, one) for one in older)
    ]
    todo.sort(
        key=lambda each: (
            each in lacking
            and (lacking[each] is not None or store.may_open_elsewhere(each))
            and 2 - store.opens_here(each)
        )
    )
    with registry.read() as session:
        certificate = keys.find_key(session, "gateway", "gateway", current).material
        digests = {r: transfers.get(session, r).content_sha256 for r in transfers.known(session, todo)}
    outcome = Counter(left=len(todo))
    most = len(todo) if limit is None else limit
    with closing(Examiner(home)) as examiner:
        for number, reference in enumerate(todo, start=1):
            if number - outcome["failed"] > most:
                break
            outcome["left"] -= 1
            request = Reseal(reference=reference, certificate=certificate, sha256=digests.get(reference))
            try:
                answer = examiner.reseal(request)
            except Fault as fault:
                _log.error("%s: cannot be resealed: %s", reference, fault)
                outcome["failed"] += 1
            else:
                if not answer.session and (lacking.get(reference) or store.may_open_elsewhere(reference)):
                    _log.error("%s: cannot be resealed: its key is not on this machine", reference)
                    outcome["failed"] += 1
                else:
                    store_of(home).put_session(reference, answer.session.encode() or _NOBODY_OPENS)
                    outcome["kept" if answer.session else "unopenable"] += 1
                    outcome["proved"] += bool(answer.session) and answer.proved
            progress(number, min(most + outcome["failed"], len(todo)))
    return outcome


def destroy(home: Home, registry: Registry, fingerprint: str, *, at: datetime, person: str) -> Key:
    """Destroy the secret half of a key of the gateway, out of use and needed by no file.
    GatewayError, with the reason, for any other key. Can be repeated after an interruption.
    """
    with registry.read() as session:
        key = keys.find_key(session, "gateway", "gateway", fingerprint)
    if key.state not in {"retired", "revoked"}:
        raise GatewayError(f"the key {key.fingerprint} is {key.state}; only a key out of use is destroyed")
    path = secret_files.secret_key_file(home, key.fingerprint)
    if not path.exists():
        raise GatewayError(f"the secret half of {key.fingerprint} is gone already")
    needed = list(_files_needing(home, registry, key.fingerprint))
    if needed:
        files = "1 file still needs" if len(needed) == 1 else f"{len(needed)} files still need"
        raise GatewayError(
            f"{files} the key {key.fingerprint}, the first is {needed[0]}: "
            "let the processor decide on what waits in the spool, then let the others open with the current "
            "one by: gateway keys gateway reseal"
        )
    with registry.write() as session:
        clerk = clerk_of(session, home, at, person)
        clerk.destroyed(key)
        sign_head(clerk)
    path.unlink()
    fsync_folder(path.parent)
    return key


def _files_needing(home: Home, registry: Registry, fingerprint: str) -> Iterator[str]:
    store = Holdings(home, registry)
    with registry.read() as session:
        found = [*transfers.find(session, state="landed"), *transfers.find(session, state="held")]
        as_received = {reference for reference, _ in unopened_sessions(home, session)}
    as_received |= {t.upload.reference for t in found if t.state == "landed" or t.waits_for == "key"}
    for reference in store.sealed.references():
        # An unexamined file, or one whose stored session key opens with no key, is opened as received.
        as_it_came = reference in as_received and store.needs_as_received(reference, fingerprint)
        if as_it_came or store.needs(reference, fingerprint):
            yield reference
    most = load_limits(home).intake.sealed_bytes
    for reference in waiting(home.spool):
        if store.upload_needs(home.spool, reference, fingerprint, most):
            yield reference


def _key_ids(key: Key) -> frozenset[str]:
    certificates = split(key.material.encode())
    return frozenset(part.key_id for certificate in certificates for part in parts_of(certificate).keys)
