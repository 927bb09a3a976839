"""Headings without a known meaning: offer meanings, and test the values."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

from gateway.classify.rules import statable
from gateway.model import Classified
from gateway.send.checking import Check, Seen


def choices(check: Check, seen: Seen) -> Mapping[str, str]:
    """Return the possible meanings of a heading: the key of each item allowed in the flow, by label."""
    flow = check.catalogue.flow_of(seen.found.data_type) if isinstance(seen.found, Classified) else None
    if flow is None:
        return {}
    return {label: key for key, label in statable(check.rules.items, check.catalogue.appendix_a).items()}


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
