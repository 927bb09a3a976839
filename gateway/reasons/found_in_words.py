"""The findings in a file, in words for a person examining the file."""

from gateway.model import NamedSchool, Unlisted, counted


def unlisted_in_words(one: Unlisted) -> str:
    """Describe a column or element the data type does not have: place, header and kind of values."""
    place = f"{one.place} {one.position}" if one.position else "above the table"
    name = f" ({one.header})" if one.header else ""
    why = one.topic and f", sensitive: {one.topic}"
    grades = one.assessment and f", {one.assessment} grades"
    return f"{place}{name}: {one.kind}, filled {one.filled} times{why}{grades}"


def school_in_words(one: NamedSchool) -> str:
    """Say how many records name a school, and by which number."""
    marks = ("dfe_number", "urn", "establishment", "centre")
    said = [f"{mark.replace('_', ' ')} {value}" for mark in marks if (value := getattr(one, mark))]
    named = ", ".join(said) or (f"name {one.name}" if one.name else "no school")
    return f"{'further schools' if one.further else named}: {counted(one.records, 'record')}"
