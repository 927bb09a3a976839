"""Login and logout: invitations, passkeys, sessions. Every proof is verified here, inside."""

import logging
import secrets
from datetime import timedelta

from gateway.mailboxes.console_api import confirming, signing_in
from gateway.mailboxes.console_api.confirming import PasskeyAskedError
from gateway.mailboxes.console_api.context import Caller, ConsoleContext, not_confirmed
from gateway.mailboxes.console_api.guessing import NotInvitedError
from gateway.mailboxes.console_api.signing_in import NotSignedError
from gateway.registry import console_sessions, invitations, log, passkeys, staff
from gateway.registry.keys import Key, list_keys
from gateway.registry.log import Entry
from gateway.zones.console_api import ConsoleQuestion, WeightyAct
from gateway.zones.console_api.answers import (
    Begun,
    ConsoleKnows,
    Done,
    KeyNews,
    MeSeen,
    PasskeyOptions,
    SessionSeen,
)
from gateway.zones.console_api.questions import (
    AskMe,
    AskSettings,
    BeginEnrolment,
    BeginLogin,
    Enrol,
    LeaveFirstSteps,
    LogIn,
    LogOut,
)

_log = logging.getLogger(__name__)
_LOGIN, _ENROLMENT = "login", "enrolment"
_SECRET_BYTES = 32
_NEWS = timedelta(days=14)


def ask_settings(console: ConsoleContext, _: AskSettings) -> ConsoleKnows:
    """Return the settings needed by the console."""
    place = console.settings.console
    return ConsoleKnows(
        organisation=console.settings.organisation,
        zone=str(console.catalogue().calendar.timezone),
        openid=None if place.openid is None else place.openid.name,
        security_txt=console.settings.security_txt,
        **place.model_dump(exclude={"openid"}),
    )


def begin_login(console: ConsoleContext, question: BeginLogin) -> PasskeyOptions:
    """Return the options for any passkey to sign a login."""
    console.check_origin(question)
    challenge = console.challenges.give(question.browser, _LOGIN)
    return PasskeyOptions(options=signing_in.to_sign(question.origin, challenge, ()))


def log_in(console: ConsoleContext, question: LogIn) -> Begun:
    """Log in the owner of the signing passkey. Signatures for another browser, or repeated, are refused."""
    console.check_origin(question)
    challenge = console.challenges.take(question.browser, _LOGIN)
    try:
        return _begun(console, question, challenge)
    except NotSignedError as error:
        console.note_failure(question.address, error)
        raise


def _begun(console: ConsoleContext, question: LogIn, challenge: bytes) -> Begun:
    now, registry = console.clock(), console.mailboxes.registry
    with registry.read() as session:
        passkey = passkeys.find(session, signing_in.credential_in(question.assertion), now)
    if passkey is None:
        raise NotSignedError
    count = signing_in.check_signed(question.assertion, challenge, question.origin, passkey)
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    with registry.write() as session:
        if passkeys.find(session, passkey.credential, now) is None:
            raise NotSignedError  # Revoked meanwhile.
        passkeys.note_signature(session, passkey.fingerprint, count, now)
        console_sessions.begin(
            session, secret, passkey.staff, passkey=passkey.fingerprint, address=question.address, at=now
        )
    with console.lock:
        console.penalties.settle(question.address)
    _log.info("console-login")
    return Begun(session=secret, name=passkey.staff)


def begin_enrolment(console: ConsoleContext, question: BeginEnrolment) -> PasskeyOptions:
    """Return the options for the browser to make a passkey for an invited person."""
    console.check_origin(question)
    name = invited(console, question, question.code)
    with console.mailboxes.registry.read() as session:
        known = passkeys.of_person(session, name, console.clock())
    challenge = console.challenges.give(question.browser, _ENROLMENT)
    options = signing_in.to_make(
        question.origin,
        challenge,
        name,
        console.settings.organisation,
        [each.credential for each in known],
    )
    return PasskeyOptions(options=options, name=name)


def enrol(console: ConsoleContext, question: Enrol) -> Begun:
    """Enrol a new passkey, using up the invitation, and log the person in."""
    console.check_origin(question)
    invited(console, question, question.code)
    challenge = console.challenges.take(question.browser, _ENROLMENT)
    made = signing_in.made(question.attestation, challenge, question.origin)
    now, secret = console.clock(), secrets.token_urlsafe(_SECRET_BYTES)
    with console.mailboxes.registry.write() as session:
        invitation = invitations.invited(session, question.code, now)
        if invitation is None:
            raise NotInvitedError
        name = invitation.name
        invitations.take_back(session, name)
        fingerprint = passkeys.add(
            session, name, made.credential, made.public_key,
            sign_count=made.sign_count, at=now, by=invitation.made_by,
        )  # fmt: skip
        entry = Entry(
            kind="key-added",
            subject=fingerprint,
            fields={"owner": "staff", "algorithm": "passkey"},
            actor=name,
            note=f"invited by {invitation.made_by}",
        )
        log.append(session, [entry], now)
        console_sessions.begin(session, secret, name, passkey=fingerprint, address=question.address, at=now)
        log.sign_head(session, console.mailboxes.log_key, console.mailboxes.log_origin, now)
    _log.info("console-enrolled")
    return Begun(session=secret, name=name)


def log_out(console: ConsoleContext, caller: Caller, question: LogOut) -> Done:
    """End the session, or the person's other ones."""
    with console.mailboxes.registry.write() as session:
        if question.others:
            ended = console_sessions.end_all(session, caller.name, but=caller.session)
            return Done(sentence=f"Sessions elsewhere that were ended: {ended}.")
        console_sessions.end(session, caller.session)
    return Done(sentence="You are logged out.")


def leave_first_steps(console: ConsoleContext, caller: Caller, _: LeaveFirstSteps) -> Done:
    """Show the caller the first steps on the first page no more."""
    with console.mailboxes.registry.write() as session:
        staff.note_knows_pages(session, caller.name)
    return Done(sentence="The first steps stand on your own page from now on.")


def ask_me(console: ConsoleContext, caller: Caller, _: AskMe) -> MeSeen:
    """Return the caller's own page."""
    now = console.clock()
    with console.mailboxes.registry.read() as session:
        sessions = console_sessions.of_person(session, caller.name, now)
        keys = passkeys.of_person(session, caller.name, now)
    this = invitations.digest_of(caller.session)
    return MeSeen(
        roles=tuple(sorted(caller.roles)),
        sessions=tuple(
            SessionSeen(
                number=one.number,
                address=one.address,
                begun_at=one.begun_at,
                seen_at=one.seen_at,
                this=this.startswith(one.number),
            )
            for one in sessions
        ),
        passkeys=tuple(key.fingerprint for key in keys),
        news=news_of(console, caller),
    )


def news_of(console: ConsoleContext, caller: Caller) -> tuple[KeyNews, ...]:
    """Return the news of the caller's keys: a person hears of a key that somebody else added."""
    now, own = console.clock(), caller.person.key
    with console.mailboxes.registry.read() as session:
        theirs = list_keys(session, "staff", caller.name)
    new = [key for key in theirs if key.ended_at is None and (key.unconfirmed or key.added_at > now - _NEWS)]
    new.sort(key=lambda key: key.added_at, reverse=True)
    return tuple(
        KeyNews(
            said=not_confirmed(own) if key.unconfirmed and key.fingerprint == own else _added(key),
            at=key.added_at,
            act=bool(key.unconfirmed),
        )
        for key in new
    )


def _added(key: Key) -> str:
    waits = ", and waits to be confirmed" if key.unconfirmed else ""
    return (
        f"{key.noun[0].upper()}{key.noun[1:]} {key.fingerprint[:24]} was added for you on "
        f"{key.added_at:%Y-%m-%d}{waits}. If you know nothing of it, tell an administrator at once."
    )


def check_signed(console: ConsoleContext, caller: Caller, act: WeightyAct, effect: str = "") -> None:
    """Pass an act only with the signature of the person's passkey over exactly this act.

    Raise PasskeyAskedError to ask for the signature, saying the `effect` of the act; NotSignedError for a
    wrong one.
    """
    console.check_origin(act)
    purpose, now, registry = act.signed_over(), console.clock(), console.mailboxes.registry
    caller.check_confirmed()
    with registry.read() as session:
        own = [each for each in passkeys.of_person(session, caller.name, now) if each.confirmed]
    if not own:
        confirming.check_logged_in_again(console, caller, act, effect)
        return
    if act.assertion is None:
        challenge = console.challenges.give(caller.session, purpose)
        allowed = [each.credential for each in own]
        raise PasskeyAskedError(effect, signing_in.to_sign(act.origin, challenge, allowed))
    challenge = console.challenges.take(caller.session, purpose)
    said = signing_in.credential_in(act.assertion)
    passkey = next((each for each in own if each.credential == said), None)
    if passkey is None:
        raise NotSignedError
    count = signing_in.check_signed(act.assertion, challenge, act.origin, passkey)
    with registry.write() as session:
        passkeys.note_signature(session, passkey.fingerprint, count, now)


def invited(console: ConsoleContext, question: ConsoleQuestion, code: str) -> str:
    """Return the invited person's name. NotInvitedError, delayed against guessing, for an invalid code."""
    with console.mailboxes.registry.read() as session:
        invitation = invitations.invited(session, code, console.clock())
    if invitation is None:
        error = NotInvitedError()
        console.note_failure(question.address, error)
        raise error
    return invitation.name
