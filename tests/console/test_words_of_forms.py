"""No form of an act, and no error of one, speaks of the command line."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import gateway
from gateway.acts.fields import every_act
from gateway.console.pages import in_words_of_forms
from gateway.mailboxes.console_api.carrying_out import act_shown, for_pages
from gateway.policy.small_schemas import NoticeRule, Signatory
from tests.policies import shipped

TERMINAL = re.compile(r"--\w|GATEWAY_|\.toml|DATA_TYPE|- asks")
NOUNS = "|".join(sorted({command.partition(" ")[0] for command in every_act()}))
OPTION = re.compile(rf"(?<!gpg )--[a-z]|GATEWAY_[A-Z]|\bgateway (?:{NOUNS}) [a-z]")
FORMS = [command for command, act in every_act().items() if act.in_console]
CODE = Path(gateway.__file__).parent
LEAVING = NoticeRule(id="leaving", name="notice of leaving", clause="1.4", days=10)
HEAD = Signatory(role="head", name="head teacher")


@pytest.mark.parametrize("command", FORMS)
def test_a_form_speaks_no_terminal(command: str) -> None:
    act = act_shown(command)
    told = [act["title"], act["about"], *(field["about"] for field in act["fields"])]
    assert [words for words in told if TERMINAL.search(words)] == []


@pytest.mark.parametrize(
    ("command", "field", "offered"),
    [
        ("agreement notice", "notice", {"leaving": "notice of leaving"}),
        ("agreement ratify", "role", {"head": "head teacher"}),
        ("held ratify-many", "role", {"head": "head teacher"}),
        ("providers convert", "kind", {"academy": "Academy"}),
        ("handon try", "hand_on", {}),
    ],
)
def test_a_form_offers_what_the_policies_list(command: str, field: str, offered: dict[str, str]) -> None:
    policies = shipped()
    agreement = policies.agreement.model_copy(update={"notice": (LEAVING,), "signatory": (HEAD,)})
    known = every_act()[command].known(policies.model_copy(update={"agreement": agreement}))
    assert known[field].items() >= offered.items()


def _errors(file: Path) -> list[str]:
    """The sentences that a module raises, with … in the place of each value."""
    found = []
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
            parts = [
                str(one.value)
                for one in ast.walk(node.exc.args[0])
                if isinstance(one, ast.Constant) and isinstance(one.value, str)
            ]
            found.append("…".join(parts))
    return found


OF_THE_MACHINE = {"new_flow.py", "upgrade.py"}
"""What commands of the machine alone reach."""
INSIDE = sorted(
    file
    for room in ("record", "policy", "registry")
    for file in (CODE / room).glob("*.py")
    if file.name not in OF_THE_MACHINE
)


def _told_by(file: Path) -> list[str]:
    """Every text of a module but its docstrings, with … in the place of each value."""
    tree, found = ast.parse(file.read_text("utf-8")), []
    inside = {id(part) for one in ast.walk(tree) if isinstance(one, ast.JoinedStr) for part in ast.walk(one)}
    inside |= {id(one.value) for one in ast.walk(tree) if isinstance(one, ast.Expr)}
    for one in ast.walk(tree):
        if isinstance(one, ast.JoinedStr):
            parts = (str(part.value) if isinstance(part, ast.Constant) else "…" for part in one.values)
            found.append("".join(parts))
        elif isinstance(one, ast.Constant) and isinstance(one.value, str) and id(one) not in inside:
            found.append(one.value)
    return found


@pytest.mark.parametrize("file", INSIDE, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_what_a_room_behind_the_acts_says_names_no_option_and_no_command(file: Path) -> None:
    told = map(for_pages, _told_by(file))
    assert [words for words in told if OPTION.search(words)] == []


@pytest.mark.parametrize("module", sorted({act.__module__ for act in every_act().values() if act.in_console}))
def test_an_error_of_a_form_speaks_no_terminal(module: str) -> None:
    acts = [one for one in every_act().values() if one.__module__ == module and one.in_console]
    fields = [field for act in acts for field in act_shown(act.command)["fields"]]
    file = CODE.parent / (module.replace(".", "/") + ".py")
    told = [in_words_of_forms(for_pages(one), fields) for one in _errors(file)]
    assert [words for words in told if TERMINAL.search(words)] == []


def test_the_option_and_its_value_in_an_error_are_the_label_of_the_field() -> None:
    said = "say what it is: --as DATA_TYPE, or --team"
    told = in_words_of_forms(said, act_shown("held release")["fields"])
    assert told == "say what it is: “What the file is”, or “Teams that get it”"
