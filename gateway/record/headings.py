"""Record the authority's statements on a provider's headings; for a data item two people are needed.

A heading said to be something else reaches no team, so one person may say that. The answer counts for files
arriving later, is listed beside the provider's own statements, and gives way to a later one of those.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from sqlmodel import Session

from gateway.classify.rules import Items, statable
from gateway.errors import GatewayError
from gateway.home.settings import read_toml
from gateway.model import Transfer
from gateway.policy.catalogue import Catalogue
from gateway.policy.items import harmless_name, not_understood
from gateway.record.dual_control import COUNTS, TwoPersonAct, agreed
from gateway.registry import harmless, log, providers
from gateway.registry.tables import HarmlessRow

SOMETHING_ELSE = "something-else"
_SAY = "say-heading"
_ABOUT = re.compile(r"(?P<heading>.+?) = (?P<item>[a-z0-9-]+): ")


@dataclass(frozen=True, slots=True)
class HeadingProposal:
    """A person's proposal that a heading means a data item, waiting for a second person. `item`: its key."""

    heading: str
    item: str
    by: str


def meanings(policies: Path, catalogue: Catalogue) -> Mapping[str, str]:
    """Return the possible data items for a heading, each with its label, in the policies' order."""
    return _meanings(policies, frozenset(catalogue.appendix_a))


@lru_cache(maxsize=2)
def _meanings(policies: Path, labels: frozenset[str]) -> Mapping[str, str]:
    return statable(read_toml(policies / "items.toml", Items).items, labels)


def asked(session: Session, transfer: Transfer) -> tuple[str, ...]:
    """Return a file's headings that are neither known to a rule nor explained by anybody."""
    provider = providers.get_provider(session, transfer.upload.provider)
    return tuple(dict.fromkeys(not_understood(transfer.content, provider)))


def waiting(session: Session, provider: str, at: datetime) -> list[HeadingProposal]:
    """Return the proposed meanings for a provider's headings that wait for a second person."""
    found: dict[str, HeadingProposal] = {}
    for event in log.events(session, provider):
        about = _ABOUT.match(event.note or "")
        if about is None or json.loads(event.leaf)["fields"].get("what") != _SAY:
            continue
        if event.kind == "act-proposed" and event.at >= at - COUNTS:
            found[about["heading"]] = HeadingProposal(about["heading"], about["item"], event.actor or "")
        else:
            found.pop(about["heading"], None)
    return list(found.values())


def say(
    session: Session, transfer: Transfer, heading: str, item: str, *, by: str, why: str, at: datetime
) -> bool:
    """Store a person's statement on a heading; return False if a second person must confirm it first.

    `item` is a key of `meanings`, or SOMETHING_ELSE. GatewayError for a heading that is not asked about, and
    where `by` may be the person who said it first.
    """
    provider, reference = transfer.upload.provider, transfer.upload.reference
    name = harmless_name(heading)
    header = next((one for one in asked(session, transfer) if harmless_name(one) == name), None)
    if header is None:
        raise GatewayError(f"nothing is asked about {heading}: it is understood, sensitive or answered")
    if item != SOMETHING_ELSE:
        act = TwoPersonAct(_SAY, provider, f"{header} = {item}")
        if not agreed(session, act, by=by, why=why, at=at, always=True):
            return False
    key = "" if item == SOMETHING_ELSE else item
    answer = HarmlessRow(
        name=name, header=header, provider=provider, listed_at=at, listed_by=by,
        why=f"{reference}: {why}", field=key,
    )  # fmt: skip
    harmless.state(session, answer)
    entry = log.Entry(kind="column-listed", subject=provider, actor=by, note=f"{header} = {key}")
    log.append(session, [entry], at)
    return True
