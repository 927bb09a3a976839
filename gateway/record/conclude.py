"""From an examination's findings to a decision, without side effects."""

from dataclasses import replace
from datetime import datetime

from gateway.access import is_for_few
from gateway.examiner.protocol import (
    Examined,
    FileLost,
    FileOpened,
    FileRefused,
    FileWaits,
    FileWithheld,
    OpenRefused,
)
from gateway.model import (
    Classified,
    ContentRefused,
    Decision,
    Held,
    Late,
    Opened,
    Provider,
    Refused,
    Signature,
)
from gateway.policy.catalogue import Catalogue
from gateway.policy.decide import decide
from gateway.policy.unlisted import sensitive_reasons
from gateway.record.signer import Signers, objection

UNKNOWN_LOGIN = "open:unknown-login"
_SIGNED_LATE: dict[Late, str] = {"renewed": "open:renewed-since", "vouched": "open:vouched-since"}
SIGNED_LATE = frozenset(_SIGNED_LATE.values())

File = FileOpened | FileWaits | FileRefused | FileWithheld | FileLost
"""The outcome of the examination of a file of pupils' data."""


def decision_on(
    file: File,
    catalogue: Catalogue,
    provider: Provider,
    now: datetime,
    *,
    earlier: str | None,
    signers: Signers,
) -> Decision:
    """Return the decision on an examined file. `earlier` is the reference of a replayed transfer or None."""
    match file:
        case FileLost():
            return Held(reasons=(catalogue.reason("internal:held"),))
        case FileRefused(why=why) | FileWithheld(why=why):
            return _unopened(why, catalogue, signers, now)
        case FileOpened(opened=opened) | FileWaits(opened=opened):
            objected = _objection(opened, catalogue, signers, now, earlier=earlier)
    if objected is None and isinstance(file, FileWaits):
        objected = Held(reasons=(catalogue.reason(file.why.code, **file.why.detail),))
    if isinstance(objected, Held):
        # A sensitive file is for few people, whatever the reasons for waiting.
        return replace(objected, reasons=(*objected.reasons, *sensitive_reasons(file.content, catalogue)))
    if objected is not None:
        return _for_few(objected, file.content, catalogue)
    decision = decide(file.content, catalogue, provider, now)
    if isinstance(decision, Refused):
        return _for_few(decision, file.content, catalogue)
    return decision if opened.late is None else told_late(decision, _SIGNED_LATE[opened.late], catalogue)


def _for_few(refused: Refused, content: Classified | ContentRefused, catalogue: Catalogue) -> Refused:
    """Return a refusal with the mark that few people may know of the file, where its content asks for it."""
    found = isinstance(content, ContentRefused) and is_for_few([content.code])
    return replace(refused, few=found or any(sensitive_reasons(content, catalogue)))


def told_late(decision: Decision, code: str, catalogue: Catalogue) -> Decision:
    """Add a reason to a decision: how the file's key came to count after signing."""
    return replace(decision, reasons=(*decision.reasons, catalogue.reason(code)))


def held_for_login(decision: Decision, catalogue: Catalogue) -> Decision:
    """Hold a file with an unknown login for a person, unless the decision is a refusal."""
    if isinstance(decision, Refused):
        return decision
    # The hold loses its date, which would release the file automatically.
    others = decision.reasons if isinstance(decision, Held) else ()
    return Held(reasons=(*others, catalogue.reason(UNKNOWN_LOGIN)), flow=decision.flow, teams=decision.teams)


def signature_of(examined: Examined) -> Signature | None:
    """Return the valid signature found by the examination, or None."""
    match examined:
        case FileOpened(opened=opened) | FileWaits(opened=opened):
            return opened.signature
        case FileRefused() | FileWithheld() | FileLost():
            return None
        case drop:
            return drop.signature


def _objection(
    opened: Opened, catalogue: Catalogue, signers: Signers, now: datetime, *, earlier: str | None
) -> Held | Refused | None:
    """Return the objection to an opened file, or None; an invalid key outranks a replay."""
    signature = opened.signature
    objected = objection(signers.find(signature.certificate), signature.created_at, now, catalogue)
    if earlier is not None and not isinstance(objected, Refused):
        return Refused(reasons=(catalogue.reason("open:replayed", earlier=earlier),))
    return objected


def _unopened(refused: OpenRefused, catalogue: Catalogue, signers: Signers, now: datetime) -> Decision:
    """Decide on a file that did not open, or was too large to open: an expired key may be renewed."""
    why = catalogue.reason(refused.code, **refused.detail)
    if refused.code == "open:key-expired" and signers.awaits_renewal(now):
        return Held(reasons=(why,))
    return Refused(reasons=(why,))
