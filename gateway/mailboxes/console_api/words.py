"""Convert the command line's sentences to sentences for pages, and errors to advice for form fields."""

import re
from collections.abc import Collection, Sequence

from pydantic import ValidationError

from gateway.acts.fields import every_act
from gateway.zones.console_api import Shown

_ELSEWHERE = frozenset({"backup", "doctor", "hosts", "keys", "log", "policy", "pupils", "receipts", "year"})
"""First words of commands that the machine alone has."""
_COMMAND = re.compile(r"`?\bgateway (?P<words>[a-z]+(?:-[a-z]+)*(?: [a-z]+(?:-[a-z]+)*){0,2})`?")
_VALUES = re.compile(r"(?: [^\s,;.:()`]+){0,3}?(?: (?:--[a-z-]+|[A-Z]{2,}[A-Z|_.]*(?![\w:])|…))+`?")


def for_pages(sentence: str) -> str:
    """Replace each command line in a sentence by the title of the task in the console."""
    told, at = "", 0
    for found in _COMMAND.finditer(sentence):
        if found.start() < at:
            continue
        words = found["words"].split()
        known = (" ".join(words[:count]) for count in range(len(words), 0, -1))
        command = next((one for one in known if one in every_act()), None)
        if command is not None and every_act()[command].in_console:
            title = " ".join((every_act()[command].__doc__ or "").split()).partition(". ")[0]
            shown = f"“{re.split('[:;]', title.rstrip('.'))[0]}”"
        elif command is not None or words[0] in _ELSEWHERE:
            command = command or " ".join(words[:2])
            shown = f"“{command}” on the machine itself"
        else:
            continue
        end = found.start("words") + len(command)
        values = _VALUES.match(sentence, end)
        told += sentence[at : found.start()] + shown
        at = values.end() if values else end
        at += sentence[at : at + 1] == "`"
    return told + sentence[at:]


_NO_ARTICLE = re.compile(
    r"(an?|all|as|by|for|from|her|his|how|in|its|of|on|one|only|or|that|the|their|to|what|when|where|whether"
    r"|which|who|whom|whose|why|your)\b",
    re.IGNORECASE,
)
"""The beginning of a label that takes no article in a sentence."""
_WRONG = (
    ("date", "Enter a day, such as 2026-11-24, for “{label}”."),
    ("int_", "Enter a whole number for “{label}”."),
    ("greater_than_equal", "Enter {ge} or more for “{label}”."),
    ("less_than_equal", "Enter {le} or less for “{label}”."),
    ("string_too_long", "Enter at most {max_length} characters for “{label}”."),
    ("too_long", "Enter at most {max_length} lines for “{label}”."),
    (("enum", "literal"), "Choose what is offered for “{label}”."),
    ("", "Enter “{label}” in the form that is asked for."),
)
"""What to enter in the place of a wrong value, by how the type of the error begins."""


def told_wrong(fields: Sequence[Shown], offered: Collection[str], error: ValidationError) -> dict[str, str]:
    """Return by wrong field a sentence on the value expected; under "" for several fields together.

    `offered`: further fields for which the form offers choices, besides those declared with choices.
    """
    known = {one["name"]: one for one in fields}
    told: dict[str, str] = {}
    for one in error.errors():
        name, kind = str(one["loc"][0]) if one["loc"] else "", one["type"]
        field = known.get(name)
        if kind == "value_error" or field is None:
            said = one["msg"].removeprefix("Value error, ") if field or not name else "there is no such field"
        elif kind in {"missing", "too_short"}:
            chosen = field["kind"] in {"choice", "file"} or field["names"] or name in offered
            said = f"{'Choose' if chosen else 'Enter'} {_in_a_sentence(field['label'])}."
        else:
            form = next(form for begins, form in _WRONG if kind.startswith(begins))
            said = form.format(label=field["label"], **one.get("ctx", {}))
        told.setdefault(name, said)
    return {name: told[name] for name in (*known, *told) if name in told}


def _in_a_sentence(label: str) -> str:
    first = label.partition(" ")[0]
    plain = first[1:] == first[1:].lower()
    what = label[:1].lower() + label[1:] if plain else label
    return what if _NO_ARTICLE.match(label) else f"the {what}"
