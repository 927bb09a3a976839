"""NAME.about.txt: the items left out of a team's view, or the reasons for holding a file. Names no child."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gateway.mailboxes.names import file_name
from gateway.model import Reason, Unlisted
from gateway.policy.catalogue import Catalogue
from gateway.policy.unlisted import places
from gateway.registry.deliveries import Delivery

_LINE = "\r\n"  # The text is opened with a double click, on Windows as well.


def about_text(
    delivery: Delivery,
    items: Sequence[str],
    unlisted: Sequence[Unlisted],
    catalogue: Catalogue,
    *,
    withheld: Sequence[str] = (),
    apart: bool = False,
) -> bytes:
    """Return the UTF-8 text for one delivery; `items` are the labels left out of its view.

    `withheld`: the labels of cells left blank because of their values. `apart`: True if records of children
    visible to few people are left out; their number is not disclosed.
    """
    lines = [
        f"{file_name(delivery)}",
        "",
        f"This is what the team {_team(delivery, catalogue)} may have of the file that",
        f"{delivery.provider} sent (reference {delivery.reference}). The following was left out.",
        *_no_right(items, catalogue),
        *_not_listed(items, unlisted, catalogue),
        *_withheld(withheld),
        *(_APART if apart else ()),
        "",
        "The file as it was sent is kept, sealed. If your work needs more of it, tell an administrator which",
        "clause of the agreement asks for it: rights are given on record, for all files or for this one.",
    ]
    return _encoded(lines)


def about_counts(delivery: Delivery, catalogue: Catalogue) -> bytes:
    """Return the UTF-8 text beside tables of counts."""
    rule, clause = catalogue.teams.counts, catalogue.clause_of("policy:counts-only")
    return _encoded(
        [
            f"{file_name(delivery)}",
            "",
            f"These are counts for the team {_team(delivery, catalogue)}, made from a file that",
            f"{delivery.provider} sent (reference {delivery.reference}).",
            f"It holds no record of a pupil ({clause}).",
            "",
            "- Every number is rounded, up or down by chance, to a multiple of",
            f"  {rule.rounding}: the true one is less than {rule.rounding} away. On average it is right.",
            f"- A number of fewer than {rule.threshold} pupils, and at times a few more, is not told.",
            "  Such a year group is counted under 'other', such a postcode sector is left out, and",
            "  'low' stands for such a number. A year group with few of one sex is told in one line.",
            "- A number may differ from that of an earlier file by rounding alone.",
            "- Each pupil with a sole or main registration is counted once. 'arrived' and 'left' are",
            "  since the census before.",
            "",
            "There is one such file for a school, a kind of data and a census period.",
        ]
    )


_APART = (
    "",
    "Because data protection has said that few people may see them:",
    "- records of single pupils. Ask data protection if your work needs them.",
)


def _encoded(lines: Sequence[str]) -> bytes:
    return "".join(f"{line}{_LINE}" for line in lines).encode()


def held_text(delivery: Delivery, reasons: Sequence[Reason]) -> bytes:
    """Return the UTF-8 text for a held file: the reasons to wait, and the possible decisions."""
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


def _withheld(abouts: Sequence[str]) -> Iterator[str]:
    if abouts:
        yield from ("", "Because something else stands in them than their heading says, cells are blank in:")
        yield from (f"- {about}" for about in abouts)
        yield "The sender is told which they are, and what to write instead."


def _not_listed(items: Sequence[str], unlisted: Sequence[Unlisted], catalogue: Catalogue) -> Iterator[str]:
    others = [item for item in items if item not in catalogue.appendix_a]
    if others or unlisted:
        yield from ("", "Because the agreement does not list it for such a file (3.1):")
        yield from (f"- {item}" for item in others)
    if unlisted:
        yield f"- {places(unlisted)}"
