"""An act of weight is confirmed by who has no passkey: they log in once more, for that very act."""

from __future__ import annotations

from datetime import datetime

from gateway.errors import GatewayError
from gateway.mailboxes.hatch.counter import Caller, Counter, MayNotError
from gateway.mailboxes.hatch.openid import Attempt, NotProvedError, OpenIdProvider
from gateway.registry import openid_accounts
from gateway.zones.hatch import WeightyAct
from gateway.zones.hatch.answers import Done
from gateway.zones.hatch.questions import ConfirmByOpenId

LOGGED_IN_AGAIN = "logged-in-again"
"""What a form says in the place of what a passkey signs."""
_ACT, _CONFIRMED = "openid-act", " was confirmed"


class PasskeyAskedError(GatewayError):
    """The act is done once the person's passkey has signed for it; `options` are for their browser.

    Who has none logs in once more at `again`.
    """

    def __init__(self, options: str, again: str = "") -> None:
        super().__init__("Confirm this with your passkey.")
        self.options = options
        self.again = again


def check_logged_in_again(counter: Counter, caller: Caller, act: WeightyAct) -> None:
    """Let an act pass once its person has logged in again for it. PasskeyAskedError asks for that."""
    purpose = act.signed_over()
    if act.assertion is not None:
        counter.challenges.take(caller.session, purpose + _CONFIRMED)
        return
    provider = _provider(counter)
    about = f"{counter.clock().isoformat()} {purpose}"
    challenge = counter.challenges.give(caller.session, _ACT, about)
    raise PasskeyAskedError("", provider.address(Attempt(challenge, act=True), act.origin))


def confirm(counter: Counter, caller: Caller, question: ConfirmByOpenId) -> Done:
    """Somebody came back from the provider: the act that they were asked about may be done, once."""
    counter.check_origin(question)
    provider, now = _provider(counter), counter.clock()
    challenge, about = counter.challenges.take_about(caller.session, _ACT)
    begun, _, purpose = about.partition(" ")
    subject = provider.subject(
        Attempt(challenge, act=True),
        question.origin,
        code=question.given,
        state=question.state,
        now=now,
        since=datetime.fromisoformat(begun),
    )
    if openid_accounts.fingerprint_of(provider.settings.issuer, subject) != caller.person.key:
        raise NotProvedError
    counter.challenges.give(caller.session, purpose + _CONFIRMED)
    return Done(sentence="Confirmed. Go back to the page that you came from, and press Confirm.")


def _provider(counter: Counter) -> OpenIdProvider:
    if counter.openid is None:
        raise MayNotError("This takes a passkey, and you have none: ask for an invitation.")
    return counter.openid
