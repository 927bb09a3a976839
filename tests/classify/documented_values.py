"""The table in docs/data-types.md of what the values of each item are. Run this to write it anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gateway.classify import Rules, load_rules
from gateway.classify.rules import ItemRule
from gateway.classify.value_kinds import FieldRule

REPOSITORY = Path(__file__).parents[2]
DOCUMENT = REPOSITORY / "docs" / "data-types.md"
BEGIN, END = "<!-- values: begin -->\n", "<!-- values: end -->\n"


def table() -> str:
    """A line for each item, for each other item, and for each working field, of the policies as shipped."""
    rules = load_rules(REPOSITORY / "policies")
    lines = ["| field | values | a sender is told to write |", "|---|---|---|", *_lines(rules)]
    return "\n".join(lines) + "\n"


def _lines(rules: Rules) -> Iterator[str]:
    for key, rule in {**rules.items, **rules.others, **rules.working, **rules.data_types.fields}.items():
        name = f"{rule.label} (`{key}`)" if isinstance(rule, ItemRule) else f"`{key}`"
        told = "nothing: no view has it" if "free" in rule.values else rules.expected(key)
        yield f"| {name} | {', '.join(_kinds(rule))} | {told} |"


def _kinds(rule: FieldRule) -> Iterator[str]:
    for kind in rule.values:
        if kind == "code":
            yield f"code of `{rule.codes}`" + (", also several" if rule.several else "")
        else:
            yield f"identifier ({rule.identifier})" if kind == "identifier" else kind


def parts() -> tuple[str, str, str]:
    """The document: what stands before the table, the table, and what stands behind it."""
    before, _, rest = DOCUMENT.read_text("utf-8").partition(BEGIN)
    inside, _, after = rest.partition(END)
    return before, inside, after


if __name__ == "__main__":
    first, _, last = parts()
    DOCUMENT.write_text(f"{first}{BEGIN}{table()}{END}{last}", "utf-8")
