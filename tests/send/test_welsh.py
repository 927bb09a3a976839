"""The kit speaks Welsh where its user does: each sentence has its Welsh, and a first file is told in it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.reasons import languages
from tests.content import core_data
from tests.send.office import Office, with_another_column
from tests.site import Site
from tests.waiting import until

KIT = Path(__file__).parents[2] / "gateway"
SAYS = {
    "complain",
    "say",
    "needed",
    "prompt",
    "confirm",
    "ask",
    "in_words",
    "_stick",
    "_tell_once",
    "_tell_done",
}
UNSEEN = {
    "{}: {}", "{}: {}: {}", "{} [{}]", "  {}", "  {}  {}", "  {} {} [{}]", "{}: {}: {}: {}", "{}",
    "{}: {}{}", "{}: {}, reference {}", "{}, reference {}", "{} <{}>",
    "this computer's clock is {} minutes {} by that of the gateway: set it, and send again",
    "gateway send", "{} {}", "the passphrase {}",
    "  {}: {}",
    "{} is under a passphrase", "the PuTTY key is under a passphrase",  # Caught where they are raised.
}  # fmt: skip


def said() -> Iterator[str]:
    """What the kit raises, prints and asks, with {} for what is filled in."""
    for file in [*(KIT / "send").glob("*.py"), *(KIT / "cli").glob("send*.py")]:
        tree = ast.parse(file.read_text("utf-8"))
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in SAYS or isinstance(parents(tree).get(node), ast.Raise):
                yield from (template(one) for one in node.args[:2] if is_text(one))
        for constant in ast.walk(tree):
            if isinstance(constant, ast.Assign) and is_text(constant.value):
                text = template(constant.value)
                if re.fullmatch(r"[A-Za-z{][^\n]*[a-z} ] [^\n]*[a-z.}]", text):
                    yield text


def parents(tree: ast.AST) -> dict[ast.AST, ast.AST]:
    return {child: parent for parent in ast.walk(tree) for child in ast.iter_child_nodes(parent)}


def is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def template(node: ast.AST) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    assert isinstance(node, ast.JoinedStr)
    return "".join(str(one.value) if isinstance(one, ast.Constant) else "{}" for one in node.values)


@pytest.mark.long
def test_each_sentence_of_the_kit_has_its_welsh() -> None:
    known, _ = languages._texts("cy", "kit")
    blank = {re.sub(r"\{\w+\}", "{}", one) for one in known}
    filled = [re.compile(re.sub(r"\\\{\w+\\\}", ".+", re.escape(one))) for one in known]
    missing = [
        one
        for one in dict.fromkeys(said())
        if " " in one.strip() and one not in blank | UNSEEN
        and not any(each.fullmatch(one.replace("{}", "x")) for each in filled)
    ]  # fmt: skip
    assert missing == []


def test_the_welsh_fills_in_what_the_english_does() -> None:
    known, _ = languages._texts("cy", "kit")
    for english, welsh in known.items():
        assert set(re.findall(r"\{\w+\}", welsh)) <= set(re.findall(r"\{\w+\}", english)), english


@pytest.fixture(scope="module")
def oak(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    site = Site(tmp_path_factory.mktemp("site"))
    with site.running() as services:
        yield Office(site, "oak", services.intake, site.root / "oak")


@pytest.mark.long
def test_a_file_is_told_of_in_welsh(oak: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    file = str(oak.file("core.xml", core_data(seed=61)))
    told = oak.done("--language", "cy", file)
    assert "core.xml: DERBYNIWYD, cyfeirnod " in told
    assert "Nid oes angen gwneud dim. [policy:allowed]" in told
    assert "  derbynneb, wedi'i gwirio: " in told
    stopped = oak.send("--language=cy", str(oak.file("shoes.csv", with_another_column(62)))).stderr
    assert "gweler uchod; i'w hanfon er hynny: --anyway --why" in stopped
    assert ": gateway send headings FFEIL" in stopped
    monkeypatch.setenv("LC_ALL", "cy_GB.UTF-8")
    until(lambda: "fel y dywedodd y porth ar " in oak.done("status") or None, "the page", 90)
    assert "anfonwyd hi o'r blaen, ar " in oak.done(file)
    monkeypatch.setenv("LC_ALL", "en_GB.UTF-8")
    assert "it was sent before, on " in oak.done(file)
