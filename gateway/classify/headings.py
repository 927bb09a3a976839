"""Known headings for a browser, which looks at files before they are sent: a first look, never a decision."""

from __future__ import annotations

from typing import Any

from gateway.classify.format_rules import plain
from gateway.classify.rules import NOTES, Rules


def known_headings(rules: Rules) -> dict[str, Any]:
    """Return headings by the field that each stands for, and kinds of files by name, for JSON.

    `fields`: for each field, `outside`, its label if the agreement does not list it; `columns`, plain names;
    `patterns`, regular expressions of plain names, with `{words}` for `words`; and `elements`. A name
    that `notes` finds matches no pattern. `kinds`: pairs of a pattern of file names, and a title.
    """
    types = rules.data_types
    columns: dict[str, set[str]] = {}
    for key, name in rules.column_names():
        columns.setdefault(key, set()).add(plain(name))
    fields = [
        {
            "outside": rules.others[key].label if key in rules.others else None,
            "columns": sorted(columns.get(key, ())),
            "patterns": rule.patterns,
            "elements": rule.elements,
        }
        for key, rule in rules.fields.items()
    ]
    of_law = (each for pack in rules.law for layout in pack.layouts.values() for each in layout.elements)
    return {
        "fields": fields,
        "words": rules.words_of_columns,
        "notes": NOTES.pattern,
        "affixes": [types.columns.prefixes, types.columns.suffixes],
        "containers": sorted(rules.containers),
        "subjects": sorted({*map(plain, types.subjects.names)}),
        "by_law": sorted({each.name.rsplit("/", 1)[-1] for each in of_law}),
        "kinds": [[hint.pattern, types.types[hint.type].title] for hint in types.names],
    }
