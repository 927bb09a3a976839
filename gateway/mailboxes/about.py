"""NAME.about.txt: what was left out of a team's view of a file, or why a file waits. It names no child."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gateway.mailboxes.names import file_name
from gateway.model import Reason, Unlisted
from gateway.policy.catalogue import Catalogue
from gateway.policy.unlisted import places
from gateway.registry.deliveries import Delivery

_LINE = "\r\n"  # The text is opened with a double click, on Windows as well.


def about_text(
    delivery: Delivery, items: Sequence[str], unlisted: Sequence[Unlisted], catalogue: Catalogue
) -> bytes:
    """The text for one delivery; `items` are the labels of what its view leaves out. In UTF-8."""
    lines = [
        f"{file_name(delivery)}",
        "",
        f"This is what the team {_team(delivery, catalogue)} may have of the file that",
        f"{delivery.provider} sent (reference {delivery.reference}). The following was left out.",
        *_no_right(items, catalogue),
        *_not_listed(items, unlisted, catalogue),
        "",
        "The file as it was sent is kept, sealed. If your work needs more of it, tell an administrator which",
        "clause of the agreement asks for it: rights are given on record, for all files or for this one.",
    ]
    return "".join(f"{line}{_LINE}" for line in lines).encode()


def held_text(delivery: Delivery, reasons: Sequence[Reason]) -> bytes:
    """The text beside a held file: why it waits, and what may be decided. In UTF-8."""
    lines = [
        f"{file_name(delivery)}",
        "",
        f"{delivery.provider} sent this file (reference {delivery.reference}). It waits, because:",
        *(line for reason in reasons for line in ("", *_reason(reason))),
        "",
        "Look at it, and decide in the console, where there is one, or have one of these typed:",
        *(
            f'- gateway held {act} {delivery.reference} {more} "..."'
            for act, more in (("release", "--why"), ("return", "--advice"), ("refuse", "--why"))
        ),
    ]
    return "".join(f"{line}{_LINE}" for line in lines).encode()


def _reason(reason: Reason) -> Iterator[str]:
    yield f"- {reason.sentence}"
    yield f"  (clause {reason.clause}; {reason.code}) The sender is told: {reason.next_step}"


def _team(delivery: Delivery, catalogue: Catalogue) -> str:
    team = catalogue.team(delivery.team or "")
    return team.name if team is not None else delivery.team or ""


def _no_right(items: Sequence[str], catalogue: Catalogue) -> Iterator[str]:
    listed = [item for item in items if item in catalogue.appendix_a]
    if listed:
        yield from ("", "Because the agreement gives this team no reason to have it (Appendix A):")
        yield from (f"- {item} ({catalogue.appendix_a[item].clause})" for item in listed)


def _not_listed(items: Sequence[str], unlisted: Sequence[Unlisted], catalogue: Catalogue) -> Iterator[str]:
    others = [item for item in items if item not in catalogue.appendix_a]
    if others or unlisted:
        yield from ("", "Because the agreement does not list it for such a file (3.1):")
        yield from (f"- {item}" for item in others)
    if unlisted:
        yield f"- {places(unlisted)}"
