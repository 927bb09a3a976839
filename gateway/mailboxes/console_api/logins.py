"""Log people in and out by passkeys or OpenID Connect accounts, enrol invited people, and confirm acts.

Every proof is verified here, inside. An OpenID Connect account is bound once to a person, by an invitation.
"""

import json
import logging
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import Field
from sqlmodel import Session
from webauthn import generate_registration_options, options_to_json, verify_registration_response
from webauthn.helpers import base64url_to_bytes, structs
from webauthn.helpers.exceptions import WebAuthnException

from gateway.acts.listing import columns_of
from gateway.mailboxes.console_api.challenges import GuessedError
from gateway.mailboxes.console_api.context import Caller, ConsoleContext, DecliningError, not_confirmed
from gateway.mailboxes.console_api.openid import NotProvedError, OpenIdProvider
from gateway.policy.dates import local_day, spoken
from gateway.registry import keys, log, logins
from gateway.registry.log import Entry
from gateway.registry.logins import passkey_part
from gateway.registry.tables import InvitationRow, KeyRow, StaffRow
from gateway.zones.console_api import ConsoleKnows, ConsoleQuestion, Shown
from gateway.zones.passkeys import SECONDS, host_of, signing_options, verified_count

_log = logging.getLogger(__name__)
_LOGIN, _ENROLMENT, _OPENID = "login", "enrolment", "openid"
_ACT, _CONFIRMED = "openid-act", " was confirmed"
_NO_PASSKEY = "This takes a passkey, and you have none: ask for an invitation."
_NOT_SIGNED = "The passkey was not accepted. Try again, or ask for a new invitation."
_NOT_INVITED = "That invitation is not valid: it was used, or has ended. Ask for a new one."
_SECRET_BYTES = 32
_NEWS = timedelta(days=14)
_Code = Annotated[str, Field(max_length=4_096)]
_State = Annotated[str, Field(max_length=200)]


def ask_settings(console: ConsoleContext, _: ConsoleQuestion) -> ConsoleKnows:
    """Return the console's settings: organisation, time zone, addresses, the OpenID provider's name."""
    place = console.settings.console
    return ConsoleKnows(
        organisation=console.settings.organisation,
        zone=str(console.catalogue().calendar.timezone),
        openid=None if place.openid is None else place.openid.name,
        security_txt=console.settings.security_txt,
        **place.model_dump(exclude={"openid"}),
    )


def begin_login(console: ConsoleContext, question: ConsoleQuestion, *, browser: str) -> Shown:
    """Return WebAuthn options for a login by any passkey; `browser`: a secret that the browser keeps."""
    challenge = console.challenges.give(browser, _LOGIN)
    return {"options": signing_options(question.origin, challenge)}


def log_in(console: ConsoleContext, question: ConsoleQuestion, *, browser: str, assertion: str) -> Shown:
    """Log in the passkey's owner. Refuse a signature made for another browser, or sent a second time.
    `browser`: the secret given to `begin_login`. `assertion`: the passkey's signature, as JSON.
    """
    challenge = console.challenges.take(browser, _LOGIN)
    now, registry = console.clock(), console.mailboxes.registry
    with console.noting_failure(question.address):
        with registry.read() as session:
            passkey, count = _signed_by(
                assertion, challenge, question.origin,
                lambda credential: logins.find_passkey(session, credential, now),
            )  # fmt: skip
        with registry.write() as session:
            if logins.find_passkey(session, passkey_part(passkey, "credential"), now) is None:
                raise GuessedError(_NOT_SIGNED)  # Revoked meanwhile.
            logins.note_signature(session, passkey.fingerprint, count, now)
            begun = _begin_session(session, question, passkey.owner, passkey.fingerprint, now)
    _note_login(console, question)
    return begun


def _begin_session(session: Session, question: ConsoleQuestion, name: str, key: str, now: datetime) -> Shown:
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    logins.end_session(session, question.session)  # The browser forgets it now.
    logins.begin_session(session, secret, name, passkey=key, address=question.address, at=now)
    return {"session": secret, "name": name}


def _note_login(console: ConsoleContext, question: ConsoleQuestion) -> None:
    """Log a login, and cancel the console's penalty on the login's address."""
    with console.lock:
        console.penalties.settle(question.address)
    _log.info("console-login")


def _take_up(
    console: ConsoleContext, session: Session, question: ConsoleQuestion, invitation: InvitationRow,
    *, algorithm: str, key: str,
) -> Shown:  # fmt: skip
    """Finish an invitation: log the new key, end the invitation, begin a session. `key`: the key's
    fingerprint.
    """
    now = console.clock()
    logins.withdraw_invitations(session, invitation.staff)
    entry = Entry(
        kind="key-added",
        subject=key,
        fields={"owner": "staff", "algorithm": algorithm},
        actor=invitation.staff,
        note=f"invited by {invitation.made_by}",
    )
    log.append(session, [entry], now)
    begun = _begin_session(session, question, invitation.staff, key, now)
    log.sign_head(session, console.mailboxes.log_key, console.mailboxes.log_origin, now)
    return begun


def begin_enrolment(console: ConsoleContext, question: ConsoleQuestion, *, browser: str, code: str) -> Shown:
    """Return the WebAuthn options with which a browser makes a passkey for an invited person.
    `browser` is a secret that the browser keeps for this attempt, `code` the secret of the one-time link.
    """
    name = invited(console, question, code)
    with console.mailboxes.registry.read() as session:
        known = logins.passkeys_of(session, name, console.clock())
    challenge = console.challenges.give(browser, _ENROLMENT)
    options = generate_registration_options(
        rp_id=host_of(question.origin),
        rp_name=console.settings.organisation,
        user_name=name,
        user_id=name.encode(),
        challenge=challenge,
        timeout=int(SECONDS * 1000),
        exclude_credentials=[
            structs.PublicKeyCredentialDescriptor(id=passkey_part(each, "credential")) for each in known
        ],
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.REQUIRED,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        ),
    )
    return {"options": options_to_json(options), "name": name}


def enrol(
    console: ConsoleContext, question: ConsoleQuestion, *, browser: str, code: str, attestation: str
) -> Shown:
    """Add a new passkey, which uses up the invitation, and log the person in.
    `browser`: the secret that the browser keeps for the attempt. `code`: the secret of the one-time link.
    `attestation`: JSON from the browser.
    """
    invited(console, question, code)
    challenge = console.challenges.take(browser, _ENROLMENT)
    try:
        made = verify_registration_response(
            credential=attestation,
            expected_challenge=challenge,
            expected_rp_id=host_of(question.origin),
            expected_origin=question.origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, TypeError, KeyError):
        raise GuessedError(_NOT_SIGNED) from None
    with console.mailboxes.registry.write() as session:
        now = console.clock()
        if (by := logins.invited(session, logins.digest_of(code), now)) is None:
            raise GuessedError(_NOT_INVITED)
        key = logins.add_passkey(
            session, by.staff, made.credential_id, made.credential_public_key,
            sign_count=made.sign_count, at=now, by=by.made_by,
        )  # fmt: skip
        begun = _take_up(console, session, question, by, algorithm="passkey", key=key)
    _log.info("console-enrolled")
    return begun


def begin_openid(
    console: ConsoleContext, question: ConsoleQuestion, *, browser: str, code: str = ""
) -> Shown:
    """Return the OpenID provider's login URL for a login, or for binding an account to an invited person.
    `browser` is a secret that the browser keeps for this attempt; `code` that of the invitation, or "".
    """
    if code:
        invited(console, question, code)
    invitation = logins.digest_of(code) if code else ""
    challenge = console.challenges.give(browser, _OPENID, invitation)
    return {"address": _provider(console).address(challenge, question.origin)}


def finish_openid(
    console: ConsoleContext, question: ConsoleQuestion, *, browser: str, given: _Code, state: _State
) -> Shown:
    """Log in the OpenID account's owner; bind an invited person's account first, using up the invitation.
    `browser`: the secret given to `begin_openid`. `given`: the code from the OpenID provider. `state`: the
    value returned with the code. Attempts begun in another browser are refused.
    """
    provider, now, registry = _provider(console), console.clock(), console.mailboxes.registry
    challenge, digest = console.challenges.take_about(browser, _OPENID)
    issuer = provider.settings.issuer
    with console.noting_failure(question.address):
        subject = provider.subject(
            challenge, question.origin,
            code=given, state=state, now=now, since=None,
        )  # fmt: skip
        with registry.write() as session:
            if digest:
                if (by := logins.invited(session, digest, now)) is None:
                    raise GuessedError(_NOT_INVITED)
                key = logins.bind_openid(session, by.staff, issuer, subject, by=by.made_by, at=now)
                begun = _take_up(console, session, question, by, algorithm="openid", key=key)
                owner = by.staff
            elif (known := logins.find_openid(session, issuer, subject, now)) is not None:
                owner, key = known
                begun = _begin_session(session, question, owner, key, now)
            else:
                raise NotProvedError
            keys.note_each(session, "staff", [(owner, key, now)])
    if digest:
        _log.info("console-enrolled")
    else:
        _note_login(console, question)
    return begun


def _provider(
    console: ConsoleContext, without: str = "Logging in by an account elsewhere is not set up here."
) -> OpenIdProvider:
    """Return the OpenID provider. DecliningError, with the sentence `without`, where none is set up."""
    if console.openid is None:
        raise DecliningError(without)
    return console.openid


def log_out(console: ConsoleContext, caller: Caller, *, others: bool = False) -> Shown:
    """End this session. `others`: True to end all other sessions of the person instead."""
    with console.mailboxes.registry.write() as session:
        if others:
            ended = logins.end_sessions(session, caller.name, but=caller.session)
            return {"sentence": f"Sessions elsewhere that were ended: {ended}."}
        logins.end_session(session, caller.session)
    return {"sentence": "You are logged out."}


def leave_first_steps(console: ConsoleContext, caller: Caller) -> Shown:
    """Record that the caller dismissed the first steps, so the first page omits the steps."""
    with console.mailboxes.registry.write() as session:
        session.get_one(StaffRow, caller.name).knows_pages = True
    return {"sentence": "The first steps stand on your own page from now on."}


def ask_me(console: ConsoleContext, caller: Caller) -> Shown:
    """Return the caller's own page: roles, sessions, passkeys by fingerprint, and news of keys."""
    now = console.clock()
    with console.mailboxes.registry.read() as session:
        sessions = logins.sessions_of(session, caller.name, now)
        keys = logins.passkeys_of(session, caller.name, now)
    this = logins.digest_of(caller.session)
    return {
        "roles": sorted(caller.roles),
        "sessions": [
            shown | {"this": this.startswith(shown["number"])}
            for shown in columns_of(sessions, "number", "address", "begun_at", "seen_at")
        ],
        "passkeys": [key.fingerprint for key in keys],
        "news": news_of(console, caller),
    }


def news_of(console: ConsoleContext, caller: Caller) -> list[Shown]:
    """Return sentences about the caller's keys added lately or not confirmed, newest first.
    With a sentence, `act` is True if the caller has something to do.
    """
    now, own, zone = console.clock(), caller.person.key, console.catalogue().calendar.timezone
    with console.mailboxes.registry.read() as session:
        theirs = keys.list_keys(session, "staff", caller.name)
    new = [key for key in theirs if key.ended_at is None and (key.unconfirmed or key.added_at > now - _NEWS)]
    news = []
    for key in sorted(new, key=lambda key: key.added_at, reverse=True):
        waits = ", and waits to be confirmed" if key.unconfirmed else ""
        said = (
            f"{key.noun[0].upper()}{key.noun[1:]} {key.fingerprint[:24]} was added for you on "
            f"{spoken(local_day(key.added_at, zone))}{waits}. "
            "If you know nothing of it, tell an administrator at once."
        )
        said = not_confirmed(own) if key.unconfirmed and key.fingerprint == own else said
        news.append({"said": said, "at": key.added_at, "act": bool(key.unconfirmed)})
    return news


def check_signed(
    console: ConsoleContext, caller: Caller, purpose: str, assertion: str | None, effect: str = ""
) -> None:
    """Raise an error unless the caller's passkey has signed an act. `purpose`: the act with the fields, as
    text. `assertion`: the signature; if None, DecliningError states the `effect` of the act and asks for the
    signature or, if the person has no passkey, for a new login at the OpenID provider. GuessedError for a
    wrong signature.
    """
    now, registry = console.clock(), console.mailboxes.registry
    caller.check_confirmed()
    with registry.read() as session:
        passkeys = [each for each in logins.passkeys_of(session, caller.name, now) if not each.unconfirmed]
    own = {passkey_part(each, "credential"): each for each in passkeys}
    if assertion is None and own:
        challenge = console.challenges.give(caller.session, purpose)
        raise DecliningError(effect, 409, options=signing_options(caller.origin, challenge, [*own]))
    if assertion is None:
        provider = _provider(console, _NO_PASSKEY)
        challenge = console.challenges.give(caller.session, _ACT, f"{now.isoformat()} {purpose}")
        again = provider.address(challenge, caller.origin, act=True)
        raise DecliningError(effect, 409, again=again)
    if not own:
        console.challenges.take(caller.session, purpose + _CONFIRMED)
        return
    challenge = console.challenges.take(caller.session, purpose)
    passkey, count = _signed_by(assertion, challenge, caller.origin, own.get)
    with registry.write() as session:
        logins.note_signature(session, passkey.fingerprint, count, now)


def confirm(console: ConsoleContext, caller: Caller, *, given: _Code, state: _State) -> Shown:
    """Accept a person's new login at the OpenID provider; the act that asked for the login may be done once.
    `given` is the OpenID provider's code, `state` the value that came back with the code.
    """
    provider, now = _provider(console, _NO_PASSKEY), console.clock()
    challenge, about = console.challenges.take_about(caller.session, _ACT)
    begun, _, purpose = about.partition(" ")
    subject = provider.subject(
        challenge,
        caller.origin,
        code=given,
        state=state,
        now=now,
        since=datetime.fromisoformat(begun),
    )
    if logins.openid_fingerprint(provider.settings.issuer, subject) != caller.person.key:
        raise NotProvedError
    console.challenges.give(caller.session, purpose + _CONFIRMED)
    return {"sentence": "Confirmed. Go back to the page that you came from, and press Confirm."}


def _signed_by(
    assertion: str, challenge: bytes, origin: str, find: Callable[[bytes], KeyRow | None]
) -> tuple[KeyRow, int]:
    """Return the passkey that signed a challenge, and the new count of signatures. GuessedError if none did.
    `assertion` is the signature, as JSON, with a credential id; `find` returns the passkey with that id.
    """
    try:
        credential = base64url_to_bytes(str(json.loads(assertion)["id"]))
    except (ValueError, TypeError, KeyError):
        raise GuessedError(_NOT_SIGNED) from None
    if (passkey := find(credential)) is not None:
        public_key = passkey_part(passkey, "public_key")
        count = verified_count(assertion, challenge, origin, public_key, passkey.sign_count or 0)
        if count is not None:
            return passkey, count
    raise GuessedError(_NOT_SIGNED)


def invited(console: ConsoleContext, question: ConsoleQuestion, code: str) -> str:
    """Return the name of the person invited by a code. GuessedError, delayed, for an invalid code."""
    with console.noting_failure(question.address), console.mailboxes.registry.read() as session:
        invitation = logins.invited(session, logins.digest_of(code), console.clock())
        if invitation is None:
            raise GuessedError(_NOT_INVITED)
        return invitation.staff
