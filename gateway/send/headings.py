"""Headings without a known meaning: list them, offer meanings, and test the values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

from gateway.model import Classified
from gateway.policy.unlisted import harmless_name
from gateway.send.checking import Check, Seen


def not_understood(check: Check, seen: Seen) -> Iterator[str]:
    """Yield headings of columns unknown to every rule and not yet explained, except sensitive ones."""
    known = {harmless_name(heading) for heading, _ in check.provider.stated} | {*check.provider.harmless}
    if isinstance(seen.found, Classified):
        for one in seen.found.unlisted:
            askable = one.header and not one.topic and not one.field and one.place == "column"
            if askable and not one.assessment and harmless_name(one.header) not in known:
                yield one.header


def choices(check: Check, seen: Seen) -> Mapping[str, str]:
    """Return the possible meanings of a heading: the key of each item allowed in the flow, by label."""
    flow = check.catalogue.flow_of(seen.found.data_type) if isinstance(seen.found, Classified) else None
    if flow is None:
        return {}
    return {
        f"{item.label} ({key})": key
        for key, item in check.rules.items.items()
        if item.label in check.catalogue.appendix_a and check.rules.may_be_stated(key)
    }


def misfit(check: Check, file: Path, today: date, heading: str, key: str) -> str:
    """Return an objection to a heading being an item, such as values of another kind; "" without one."""
    before = check.look_at(file, today).found
    tried = replace(check, rules=check.rules.with_stated([(heading, key)]))
    after = tried.look_at(file, today).found
    if not isinstance(before, Classified) or not isinstance(after, Classified):
        return "the file would not be taken for what it is any more"
    if before.data_type != after.data_type or len(after.unlisted) >= len(before.unlisted):
        return "no heading like that may have this meaning"
    label = check.rules.items[key].label
    if any(found.expected and found.about == label for found in after.findings):
        return f"what stands under it is not {check.rules.expected(key)}"
    return ""
