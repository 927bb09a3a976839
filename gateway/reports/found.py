"""Findings of a file in words, for people allowed to look at the file."""

from typing import Any


def school_in_words(one: dict[str, Any]) -> str:
    """Say how many records name a school, and by which mark."""
    marks = ("dfe_number", "urn", "establishment", "centre")
    said = [f"{mark.replace('_', ' ')} {one[mark]}" for mark in marks if one[mark]]
    named = ", ".join(said) or (f"name {one['name']}" if one["name"] else "no school")
    records = f"{one['records']} record{'' if one['records'] == 1 else 's'}"
    return f"{'further schools' if one['further'] else named}: {records}"


def unlisted_in_words(one: dict[str, Any]) -> str:
    """Describe an unlisted column or element: place, header and appearance."""
    place = f"{one['place']} {one['position']}" if one["position"] else "above the table"
    name = f" ({one['header']})" if one["header"] else ""
    why = one["topic"] and f", sensitive: {one['topic']}"
    grades = one["assessment"] and f", {one['assessment']} grades"
    return f"{place}{name}: {one['kind']}, filled {one['filled']} times{why}{grades}"
