"""Rotate the gateway's OpenPGP key, safe against interruption at any moment.

The order gives the safety: first the new secret key and the signed statements are written to disk; then one
transaction makes the new key current and lets the old one retire; then one rename lets the new one sign;
publishing comes last. Before the transaction the old key is current, and the next attempt continues with the
new key's files. Afterwards `finish` completes the rest. Both keys open files throughout.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel import Session

from gateway.errors import ConfigurationError, GatewayError
from gateway.examiner.persons import rekeyed, rekeyed_roll
from gateway.home import Home
from gateway.home.settings import Settings, read_toml
from gateway.keys import notices
from gateway.keys.changes import Clerk, sign_head
from gateway.model import GatewayKeyKind, NewKey
from gateway.openpgp.certificates import admit, grouped
from gateway.openpgp.sealer import certificate_of, clearsign, generate_gateway_key, lock
from gateway.policy.small_schemas import AgreementFile
from gateway.publish.everything import publish_all
from gateway.receipts.facts import log_key_statement
from gateway.registry import hosts, keys, log, providers, receipts
from gateway.registry.database import Registry
from gateway.registry.keys import Key
from gateway.registry.persons import carry_over, has_entries
from gateway.secrets import secret_files
from gateway.secrets.passphrase import passphrase
from gateway.secrets.signing import Signing
from gateway.zones.places import locked

# The gateway's own OpenPGP keys: generation, with statements about the log's key and the succession.


def make_gateway_key(
    home: Home,
    organisation: str,
    vkey: str,
    now: datetime,
    known: str | None,
    *,
    kind: GatewayKeyKind = GatewayKeyKind.CURVE25519,
    follows: bytes | None = None,
) -> NewKey:
    """Make a new OpenPGP key of the gateway on disk, with a signed statement that `vkey` is the log's key.
    The key is not in the registry and not in use yet. `known`: the passphrase that protects the key on disk;
    None for a key without protection. `follows`: the secret key that signs the succession, if any.
    """
    secret = generate_gateway_key(organisation, now, kind)
    new = described(secret, now)
    # The secret comes last: its presence proves complete statements.
    statement = clearsign(secret, log_key_statement(organisation, vkey))
    secret_files.write_secret(secret_files.statement_file(home, new.fingerprint), statement.encode())
    if follows is not None:
        _state_succession(home, organisation, follows, new, now)
    path = secret_files.secret_key_file(home, new.fingerprint)
    secret_files.write_secret(path, secret if known is None else lock(secret, known))
    return new


def described(secret: bytes, now: datetime) -> NewKey:
    """Describe the certificate of the gateway's secret key as a `NewKey` for the registry."""
    certificate = certificate_of(secret)
    shown = admit(certificate, now)
    return NewKey(
        kind="openpgp",
        fingerprint=shown.fingerprint,
        material=certificate.decode(),
        algorithm=shown.algorithm,
    )


def _state_succession(home: Home, organisation: str, old: bytes, new: NewKey, at: datetime) -> None:
    """Have the secret key `old` sign, in a file, that `new` is its successor; do nothing if the file is
    there.
    """
    path = secret_files.succession_file(home, new.fingerprint)
    if not path.exists():
        text = succession_text(organisation, certificate_of(old), new, at)
        secret_files.write_secret(path, clearsign(old, text).encode())


def succession_text(organisation: str, old_certificate: bytes, new: NewKey, at: datetime) -> str:
    """Return the text, for the old key to sign, that names the new key and has the new certificate."""
    old = admit(old_certificate, at).fingerprint
    return (
        f"The gateway of {organisation} has a new OpenPGP key since {at:%Y-%m-%d}.\n\n"
        f"old-key: {old}\n"
        f"new-key: {new.fingerprint}\n\n"
        f"The new one, as it is read out on the telephone:\n\n    {grouped(new.fingerprint)}\n\n"
        "Encrypt to this certificate from now on:\n\n"
        f"{new.material}"
    )


@dataclass(frozen=True, slots=True)
class Rotation:
    """The result of a rotation: the current key, and the key replaced (`old`).

    `resumed`: an earlier attempt was completed, without a new key.
    """

    current: Key
    old: Key
    resumed: bool


def rotate(
    home: Home,
    registry: Registry,
    settings: Settings,
    *,
    at: datetime,
    until: datetime | None,
    person: str,
    kind: GatewayKeyKind = GatewayKeyKind.CURVE25519,
    every_key: bool = False,
) -> Rotation:
    """Replace the gateway's key by a fresh key of a kind; the replaced key opens files until `until`.
    If `until` is None, keys may be in wrong hands: the old key and every retiring key end at once, vouch for
    nothing more, and a key that an unfinished ordinary rotation left is not used. The log's key and the
    pupils' key are then replaced as well, as they are if `every_key` is True. If an earlier rotation was
    interrupted, it is completed instead. GatewayError if another change of keys is under way.
    """
    if (done := resume(home, registry, at)) is not None:
        return done
    with changing_keys(home):
        check_pupil_key(home, registry)
        signing = Signing.load(home, settings)
        vkey, follows = signing.vkey, None if until is None else signing.openpgp
        if until is None or every_key:
            with registry.read() as session:
                known = [one.key for one in log.keys_in_time(session, vkey)]
                on_record = [one.fingerprint for one in keys.list_keys(session, "gateway", "gateway")]
            if until is None:
                secret_files.forget_left_behind(home, on_record, list(map(secret_files.key_set_of, known)))
            vkey = secret_files.make_key_set(home, signing.origin, known)
        statement = log_key_statement(settings.organisation, vkey)
        new = _left_behind(home, registry, at, kind, statement) or make_gateway_key(
            home,
            settings.organisation,
            vkey,
            at,
            passphrase(home) if secret_files.is_protected(home) else None,
            kind=kind,
            follows=follows,
        )
        if follows is not None:
            _state_succession(home, settings.organisation, follows, new, at)
        if settings.host.shares:
            _check_everybody_has_it(home, registry, settings.host.name)
        if until is None:
            signing = replace(signing, openpgp=secret_files.openpgp_secret(home, new.fingerprint))
        try:
            languages = read_toml(home.policies_in_force / "agreement.toml", AgreementFile).languages
        except ConfigurationError:
            languages = ("en",)
        with registry.write() as session:
            clerk = Clerk(
                session=session, signing=signing, organisation=settings.organisation, at=at, person=person,
                languages=languages,
            )  # fmt: skip
            _record(clerk, new, until, home, vkey)
        finish(home, registry)
        publish_all(home, at)
        return _done(registry, resumed=False)


def resume(home: Home, registry: Registry, at: datetime) -> Rotation | None:
    """Complete and publish an interrupted change of keys; return None if no change was interrupted."""
    with changing_keys(home):
        secret_files.sweep(home)
        with registry.read() as session:
            on_record = [one.key for one in log.keys_in_time(session, "") if one.key]
        secret_files.forget_halves(home, {home.key_set, *map(secret_files.key_set_of, on_record)})
        if not finish(home, registry):
            return None
        publish_all(home, at)
        return _done(registry, resumed=True)


def finish(home: Home, registry: Registry) -> bool:
    """Make the registry's current keys the signing keys; return False if nothing had to be changed.
    If keys were in wrong hands, remove the key sets that an ordinary rotation had prepared to follow them.
    """
    with registry.read() as session:
        known = keys.list_keys(session, "gateway", "gateway")
        *ended, last = log.keys_in_time(session, "")
    current = _newest(known)
    chosen = current.fingerprint, secret_files.key_set_of(last.key) if ended else ""
    is_chosen = chosen == (secret_files.signing_fingerprint(home), home.key_set)
    if not is_chosen:
        secret_files.choose_signing_key(home, *chosen)
    if ended:  # Also those that an interrupted change has left.
        secret_files.forget_key_sets(home, [secret_files.key_set_of(one.key) for one in ended])
    if lost := [key.fingerprint for key in known if key.revocation == "hard"]:
        key_sets = [secret_files.key_set_of(one.key) for one in (*ended, last) if one.key]
        secret_files.forget_successors(home, lost, [key.fingerprint for key in known], key_sets)
    return not is_chosen


def held(home: Home, session: Session) -> list[str]:
    """Return the names of a home's key files, for comparing the hosts of one gateway.
    Keys that were prepared to follow a compromised key, but never did, are left out: no other host may have
    them. So are statements about a key that an interrupted rotation never made.
    """
    known = keys.list_keys(session, "gateway", "gateway")
    lost = [key.fingerprint for key in known if key.revocation == "hard"]
    left = {one[:16] for one in secret_files.successors(home, lost, [key.fingerprint for key in known])}
    names = secret_files.key_file_names(home)
    made = {name.removeprefix("openpgp/") for name in names} | {one.fingerprint[:16] for one in known}
    return [name for name in names if name.rpartition("/")[2] in made - left]


def check_all_here(home: Home, registry: Registry) -> None:
    """Raise ConfigurationError if the home lacks a key of the gateway for opening files.
    A host without the key would refuse files sealed to the key as a sender's mistake.
    """
    with registry.read() as session:
        known = keys.list_keys(session, "gateway", "gateway")
    for key in known:
        opens = key.kind == "openpgp" and key.state in {"active", "retiring"}
        if opens and not secret_files.secret_key_file(home, key.fingerprint).exists():
            raise ConfigurationError(
                f"the gateway's key {key.fingerprint[:16]} is not on this host; hand it on: gateway hosts add"
            )


def check_pupil_key(home: Home, registry: Registry) -> None:
    """Raise ConfigurationError if the pupils' key is missing, and children are on record by digests.
    With another key no marker would protect a child any more, and no legal hold would keep its files.
    """
    path = home.pupil_key(home.key_set)
    if not path.exists():
        with registry.read() as session:
            is_used = has_entries(session)
        if is_used:
            raise ConfigurationError(
                f"{path} is missing: put it back from the last backup. Where there is none, all markers and "
                f"legal holds on children are void, to be placed anew: openssl rand -out {path} 32"
            )


def changing_keys(home: Home) -> AbstractContextManager[None]:
    """Lock the gateway's keys for one change. GatewayError if another change is under way."""
    return locked(home.keys / "changing.lock", "the gateway's keys are being changed by somebody else")


def _record(clerk: Clerk, new: NewKey, until: datetime | None, home: Home, vkey: str) -> None:
    """Record the rotation to the key `new`, with a notice to every provider.
    `until`: the end of the old key; None for a compromised key, revoked at once and no longer signing.
    `vkey`: the verifier key of the log from now on.
    """
    session, signing = clerk.session, clerk.signing
    old = keys.find_key(session, "gateway", "gateway", signing.fingerprint)
    current = clerk.add("gateway", "gateway", new)
    if until is None:  # Whoever has this key may have those before it.
        for key in keys.list_keys(session, "gateway", "gateway"):
            if key.kind == "openpgp" and (key.state == "retiring" or key.fingerprint == old.fingerprint):
                clerk.revoke(key, "hard")
    else:
        clerk.retire(old, until)
    notice = notices.gateway_key(old.fingerprint, until, other_log_key=vkey != signing.vkey)
    for provider in providers.list_providers(session):
        clerk.tell(current, notice, provider.id)
    if vkey == signing.vkey:
        sign_head(clerk)
        return
    receipts.sign_owed(session, signing)
    key_set = secret_files.key_set_of(vkey)
    pupil_key, log_key = secret_files.pupil_key(home, key_set), secret_files.log_key_of(home, key_set)
    carry_over(session, lambda one: rekeyed(one, pupil_key), lambda one: rekeyed_roll(one, pupil_key))
    log.change_key(
        session, signing.log_key, log_key, signing.origin, clerk.at, by=clerk.person, lost=until is None
    )


def _check_everybody_has_it(home: Home, registry: Registry, name: str | None) -> None:
    """Raise GatewayError while a running host lacks the new key: all need it before the announcement."""
    with registry.read() as session:
        here = set(held(home, session))
        others = (one for one in hosts.known(session) if one.is_at_work and one.name != name)
        lacking = [one.name for one in others if not here <= one.holds]
    if lacking:
        raise GatewayError(
            f"the new key is made, and not announced yet: {', '.join(lacking)} cannot use it. Hand it on "
            "(gateway hosts add NAME FILE here, gateway hosts join FILE there), then do the same again here; "
            "it is known within seconds"
        )


def _left_behind(
    home: Home, registry: Registry, at: datetime, kind: GatewayKeyKind, said: str
) -> NewKey | None:
    """Return the key of a kind that an interrupted rotation left on disk; None if there is none.
    `said`: a text that names the log's key, and must be in the statement beside the key.
    """
    with registry.read() as session:
        known = {key.fingerprint for key in keys.list_keys(session, "gateway", "gateway")}
    for path in secret_files.secret_keys(home):
        statement = secret_files.statement_file(home, path.stem)
        if path.stem not in known and statement.exists() and said in statement.read_text("utf-8"):
            found = described(secret_files.openpgp_secret(home, path.stem), at)
            if found.algorithm.startswith("RSA") == (kind == GatewayKeyKind.RSA4096):
                return found
    return None


def _done(registry: Registry, *, resumed: bool) -> Rotation:
    with registry.read() as session:
        known = keys.list_keys(session, "gateway", "gateway")
    current = _newest(known)
    before = [key for key in known if key.fingerprint != current.fingerprint]
    return Rotation(current=current, old=before[-1], resumed=resumed)


def _newest(known: Sequence[Key]) -> Key:
    """Return the OpenPGP key to which providers seal: the newest key among the active ones."""
    return [key for key in known if key.kind == "openpgp" and key.state == "active"][-1]
