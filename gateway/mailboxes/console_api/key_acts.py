"""Keys of schools, handled by an administrator: enrolled, and put in force after a telephone call."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.enrolment.key_file import judge
from gateway.errors import GatewayError, Refusal
from gateway.keys.changes import Clerk, sign_head
from gateway.mailboxes.console_api.context import Caller, ConsoleContext
from gateway.mailboxes.console_api.logins import check_signed
from gateway.model import NewKey
from gateway.model.invitation import are_words
from gateway.openpgp.verified_kinds import VerifiedKinds
from gateway.reasons import told as told_by_code
from gateway.record import key_confirming
from gateway.record.enroller import Enroller
from gateway.zones.console_api import school_acts as asked
from gateway.zones.console_api.answers import Done

RING = "Ring them on a number you know, let them read the fingerprint out, and confirm it on their page."
"""The instruction for a key not yet confirmed."""
_HEXADECIMAL = re.compile(r"[0-9A-Fa-f]+")


@contextmanager
def enrolling(console: ConsoleContext, caller: Caller) -> Iterator[tuple[Enroller, Clerk]]:
    """Yield an enroller and a key clerk in one transaction, and sign the log's head at the end.

    The processor publishes the results.
    """
    at = console.clock()
    with console.registrar() as registrar, registrar.registry.write() as session:
        clerk = Clerk(
            session=session,
            signing=registrar.signing,
            organisation=registrar.settings.organisation,
            at=at,
            person=caller.name,
        )
        yield Enroller(session=session, by=caller.name, at=at), clerk
        sign_head(clerk)


def add_key(console: ConsoleContext, caller: Caller, act: asked.AddKey) -> Done:
    """Enrol a further key of a provider, to be confirmed."""
    new = judged(console, act.key)
    check_signed(console, caller, act)
    with enrolling(console, caller) as (_, clerk):
        clerk.add("provider", act.provider, new, state="pending")
    return Done(sentence=f"The key is on record and does not count yet. {RING}")


def confirm_key(console: ConsoleContext, caller: Caller, act: asked.ConfirmKey) -> Done:
    """Put a key in force after its fingerprint was read out on the telephone, or both by six words."""
    read_out = [act.read_out] if are_words([act.read_out]) else [_in_full(act.read_out)]
    if not are_words(read_out):
        key_confirming.check_read_out(read_out[0])
    check_signed(console, caller, act)
    with enrolling(console, caller) as (_, clerk):
        confirmed = key_confirming.confirm(clerk, "provider", act.provider, read_out, caller.name)
    named = " and ".join(key.fingerprint for key in confirmed)
    return Done(sentence=f"{named} of {act.provider} {'is' if len(confirmed) == 1 else 'are'} in force.")


def judged(console: ConsoleContext, text: str) -> NewKey:
    """Return a pasted key. GatewayError with a sentence for a person if the key is unfit."""
    try:
        least, verified = (
            console.catalogue().methods.strength.rsa_bits,
            VerifiedKinds(console.settings.processor),
        )
        return judge(text.encode(), console.clock(), least, verified)
    except Refusal as refused:
        raise GatewayError(" ".join(told_by_code(refused.code, **refused.detail))) from None


def _in_full(read_out: str) -> str:
    """Return a read-out fingerprint as registered: people omit the digest name of SSH keys."""
    letters = "".join(read_out.split())
    ours = letters.startswith("SHA256:") or _HEXADECIMAL.fullmatch(letters)
    return letters if ours else f"SHA256:{letters}"
