"""Logins by an OpenID Connect account, bound once to a person by an invitation."""

import logging
import secrets

from gateway.mailboxes.console_api.context import ConsoleContext, MayNotError
from gateway.mailboxes.console_api.guessing import NotInvitedError
from gateway.mailboxes.console_api.logins import invited
from gateway.mailboxes.console_api.openid import Attempt, NotProvedError, OpenIdProvider
from gateway.registry import console_sessions, invitations, log, staff
from gateway.registry.log import Entry
from gateway.zones.console_api.answers import Begun, OpenIdBegun
from gateway.zones.console_api.questions import BeginOpenId, FinishOpenId

_log = logging.getLogger(__name__)
_ATTEMPT = "openid"
_SECRET_BYTES = 32


def begin_openid(console: ConsoleContext, question: BeginOpenId) -> OpenIdBegun:
    """Return the address for the browser, to log in, or to bind an account by an invitation."""
    console.check_origin(question)
    if question.code:
        invited(console, question, question.code)
    invitation = invitations.digest_of(question.code) if question.code else ""
    challenge = console.challenges.give(question.browser, _ATTEMPT, invitation)
    return OpenIdBegun(address=_provider(console).address(Attempt(challenge), question.origin))


def finish_openid(console: ConsoleContext, question: FinishOpenId) -> Begun:
    """Log in the owner of the account, or an invited person. Attempts of another browser are refused."""
    console.check_origin(question)
    provider, now = _provider(console), console.clock()
    challenge, invitation = console.challenges.take_about(question.browser, _ATTEMPT)
    try:
        subject = provider.subject(
            Attempt(challenge),
            question.origin,
            code=question.given,
            state=question.state,
            now=now,
            since=None,
        )
        if invitation:
            return _bound(console, question, subject, invitation)
        return _begun(console, question, subject)
    except NotProvedError as error:
        console.note_failure(question.address, error)
        raise


def _begun(console: ConsoleContext, question: FinishOpenId, subject: str) -> Begun:
    now, secret, issuer = console.clock(), secrets.token_urlsafe(_SECRET_BYTES), _issuer(console)
    with console.mailboxes.registry.write() as session:
        known = staff.find_openid(session, issuer, subject, now)
        if known is None:
            raise NotProvedError
        name, account = known
        console_sessions.begin(session, secret, name, passkey=account, address=question.address, at=now)
    with console.lock:
        console.penalties.settle(question.address)
    _log.info("console-login")
    return Begun(session=secret, name=name)


def _bound(console: ConsoleContext, question: FinishOpenId, subject: str, digest: str) -> Begun:
    """Bind the account to the invited person, using up the invitation, and log the person in."""
    now, secret = console.clock(), secrets.token_urlsafe(_SECRET_BYTES)
    with console.mailboxes.registry.write() as session:
        invitation = invitations.invited_by(session, digest, now)
        if invitation is None:
            raise NotInvitedError
        name, by = invitation.name, invitation.made_by
        invitations.take_back(session, name)
        account = staff.bind_openid(session, name, _issuer(console), subject, by=by, at=now)
        entry = Entry(
            kind="key-added",
            subject=account,
            fields={"owner": "staff", "algorithm": "openid"},
            actor=name,
            note=f"invited by {by}",
        )
        log.append(session, [entry], now)
        console_sessions.begin(session, secret, name, passkey=account, address=question.address, at=now)
        log.sign_head(session, console.mailboxes.log_key, console.mailboxes.log_origin, now)
    _log.info("console-enrolled")
    return Begun(session=secret, name=name)


def _provider(console: ConsoleContext) -> OpenIdProvider:
    if console.openid is None:
        raise MayNotError("Logging in by an account elsewhere is not set up here.")
    return console.openid


def _issuer(console: ConsoleContext) -> str:
    return _provider(console).settings.issuer
