"""The console in Welsh: every text of its templates and labels of its forms has its Welsh."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from jinja2 import Environment, FileSystemLoader, nodes

from gateway.acts.fields import every_act
from gateway.acts.listing import ListingAct
from gateway.console.site import FOLDER, SIGNS, _label_and_remark, _stem, templates
from gateway.mailboxes.console_api.carrying_out import act_shown, for_pages
from gateway.mailboxes.console_api.today import _AWAITING_A_SECOND, _OWN_KEYS, _TO_DO_AS_WELL
from gateway.policy.catalogue import load_catalogue
from gateway.reasons import REASONS, STEPS
from gateway.reasons.languages import phrases, translate
from gateway.registry.discrepancies import MEANINGS
from tests.console.served import TEAM, Served
from tests.console.visitor import Visitor
from tests.mailboxes.mailroom import PROVIDER

WELSH = phrases("cy")
NAMES = FileSystemLoader(FOLDER / "templates").list_templates()
"""Of the templates: not asked of an environment, which reads them all whenever tests are collected."""
STEMS = {_stem(one) for one in WELSH}
SAME = frozenset({"SSH", "OpenPGP", "English", "Cymraeg"})
"""Names, which are the same in both."""
NOT_YET: frozenset[str] = frozenset()
"""What has no Welsh yet. It only ever gets shorter."""
_SPOKEN = {"aria-label", "title", "placeholder", "data-label", "alt"}
_SPOKEN_ENGLISH = re.compile(
    r"\b(?:the|of|with|from|this|which|who|what|are|was|not|has|been|nothing)\b", re.IGNORECASE
)
_ENGLISH = re.compile(r"[a-z]{2,} [a-z]{2,}|^[A-Z][a-z]")


class Texts(HTMLParser):
    """The texts that a page shows or reads out, but for what is marked as English."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.english = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.texts += [value or "" for name, value in attrs if name in _SPOKEN]
        if ("lang", "en") in attrs and tag != "html":
            self.english = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self.english:
            self.english = ""

    def handle_data(self, data: str) -> None:
        if not self.english:
            self.texts.append(data)

    @property
    def with_letters(self) -> list[str]:
        told = (" ".join(one.split()) for one in self.texts)
        return [one for one in told if re.search("[A-Za-z]{2}", one) and not re.search('^/|="', one)]


def texts_of(pages: Environment, name: str) -> Iterator[str]:
    """The English in a template, with its blanks in braces."""
    source, _, _ = pages.loader.get_source(pages, name)  # type: ignore[union-attr]
    tree = pages.parse(source)
    for called in tree.find_all(nodes.Call):
        if isinstance(called.node, nodes.Name) and called.node.name == "_":
            assert isinstance(called.args[0], nodes.Const), f"{name}: _ is for a text of the template itself"
    for _, _, told in pages.extract_translations(source):  # type: ignore[attr-defined]
        for text in (told,) if isinstance(told, str) else told:
            if text:
                yield re.sub(r"%\((\w+)\)s", r"{\1}", text).replace("%%", "%")
    for each in tree.find_all(nodes.Const):
        value = each.value
        if isinstance(value, str) and _ENGLISH.search(value) and "%(" not in value and value[0] not in "/;":
            yield value.replace("%d", "{count}")


@pytest.fixture(scope="module")
def pages() -> Environment:
    """All templates, read once."""
    return templates("UTC")


@pytest.mark.parametrize("name", NAMES)
def test_every_text_of_a_template_has_its_welsh(pages: Environment, name: str) -> None:
    """Add it to gateway/reasons/cy-console.toml."""
    lacking = [text for text in texts_of(pages, name) if text not in WELSH]
    assert sorted({*lacking} - NOT_YET - SAME) == []


@pytest.mark.parametrize("name", NAMES)
def test_no_text_of_a_template_stands_there_untranslated(pages: Environment, name: str) -> None:
    source, _, _ = pages.loader.get_source(pages, name)  # type: ignore[union-attr]
    bare = "".join(
        part.data if isinstance(part, nodes.TemplateData) else "{}"
        for output in pages.parse(source).find_all(nodes.Output)
        for part in output.nodes
    )
    assert sorted({*Texts(bare).with_letters} - SAME) == []


def labels_of(command: str) -> Iterator[str]:
    """What the page of an act says of it, of its fields, and of the columns of its list."""
    act, declared = act_shown(command), every_act()[command]
    yield from (act["area"], *_label_and_remark(act["title"]), act["about"], act["heading"], *act["tabs"])
    for group in declared.field_groups:
        yield from (group.heading, group.help)
    for field in act["fields"]:
        about = field["about"].replace("; may be given again", "")
        yield from (about,) if field["kind"] == "yes-no" else _label_and_remark(about)
        yield from (field["label"], *(one for one in field["choices"] if "." not in one))
    if issubclass(declared, ListingAct):
        yield from (*(column.replace("_", " ") for column in declared.columns), for_pages(declared.empty))


@pytest.mark.parametrize("command", [one for one, act in every_act().items() if act.in_console])
def test_every_label_of_an_act_has_its_welsh(command: str) -> None:
    """Add it to gateway/reasons/cy-console.toml."""
    lacking = {one for one in labels_of(command) if one and _stem(one) not in STEMS}
    assert sorted(lacking - NOT_YET) == []


def test_what_is_said_after_an_act_and_why_files_are_held_has_its_welsh() -> None:
    words = (one.officer for one in REASONS.values() if one.officer)
    signs = (words for _, words, _ in SIGNS.values())
    said = (
        "Marked as dealt with. For 30 days you can put it back from “Dealt with”.",
        "Put back into the mailbox.",
        "Your other sessions are ended.",
        *(sentence for _, sentence in _AWAITING_A_SECOND.values()),
        *(sentence for _, _, sentence, _ in _TO_DO_AS_WELL.values()),
        *_OWN_KEYS.values(),
    )
    assert [
        one for one in (*words, *signs, *said, *STEPS.values(), *MEANINGS.values()) if one not in WELSH
    ] == []


@pytest.mark.parametrize("end", ["", ": decide on it by itself"])
@pytest.mark.parametrize(
    "said",
    [
        "R: nobody has said yet what the file is; say its kind",
        "R: the agreement speaks against this release: X (4). It can be proposed to a second person instead",
    ],
)
def test_why_a_file_is_not_released_is_said_in_welsh_beside_the_field_too(said: str, end: str) -> None:
    assert translate(said + end, "cy", "console") != said + end


def test_every_welsh_text_has_the_blanks_and_the_links_of_the_english() -> None:
    marks = re.compile(r"\{\w+\}|<[^>]+>")
    for english, welsh in WELSH.items():
        assert {*marks.findall(welsh)} <= {*marks.findall(english)}, english
        assert "<" not in english or sorted(marks.findall(english)) == sorted(marks.findall(welsh)), english


def test_a_language_is_chosen_by_a_link_on_every_page_and_kept(served: Served) -> None:
    anna = served.arrives()
    assert anna.get("/login") == 200
    assert '<html lang="en">' in anna.page
    assert anna.get(link_in(anna)) == 200
    assert '<html lang="cy">' in anna.page
    assert "Mewngofnodi" in anna.text
    assert {one.name: one.value for one in anna.client.cookies.jar}["language"] == "cy"
    assert anna.get("/invitation") == 200
    assert "Eich gwahoddiad" in anna.text
    assert anna.get(link_in(anna)) == 200
    assert "Your invitation" in anna.text


def test_the_link_leads_back_to_the_page_and_to_no_other_site(served: Served) -> None:
    jane = served.jane
    jane.get("/schools?late=yes")
    response = jane.client.get(link_in(jane), follow_redirects=False)
    assert response.headers["location"] == "/schools?late=yes"
    elsewhere = (
        "//elsewhere.example",
        "https://elsewhere.example",
        "/\\elsewhere.example",
        "/\t/elsewhere.example",
    )
    for to in elsewhere:
        response = jane.client.get("/language/cy", params={"to": to}, follow_redirects=False)
        assert response.headers["location"] == "/"
    assert jane.client.get("/language/fr").status_code == 404
    jane.client.cookies.delete("language")


def test_a_browser_that_prefers_welsh_is_answered_in_welsh(served: Served) -> None:
    anna = served.arrives()
    for said, lang in (("cy-GB,cy;q=0.9,en;q=0.8", "cy"), ("fr,cy;q=0.5", "en"), ("en-GB", "en")):
        page = anna.client.get("/login", headers={"accept-language": said}).text
        assert f'<html lang="{lang}">' in page


def test_what_a_school_typed_is_text_in_welsh_too(served: Served) -> None:
    """No translation makes markup of a value."""
    jane = served.jane
    jane.get("/language/cy")
    held = served.room.hold(b"of a school with a strange name")
    for path in (f"/held/{held}", "/work/held/list", "/schools", f"/schools/{PROVIDER}"):
        assert jane.get(path) == 200
        assert "&lt;b&gt;A&lt;/b&gt;" in jane.page, path
        assert "<b>A</b>" not in jane.page, path
    jane.client.cookies.delete("language")


def link_in(visitor: Visitor) -> str:
    """The address of the link to the other language."""
    return html.unescape(re.findall(r'class="language" href="([^"]+)"', visitor.page)[0])


def test_the_pages_of_an_officer_speak_no_english_in_welsh(served: Served) -> None:
    jane, room = served.jane, served.room
    jane.get("/language/cy")
    held, came = room.hold(b"in Welsh"), room.deliver(b"came in Welsh", TEAM)
    box = f"/mailboxes/{TEAM}"
    pages = (
        "/", box, f"{box}?new=yes", f"{box}?removed=yes", f"{box}/{came}", "/work/held/list", f"/held/{held}",
        "/work/transfers/list", f"/work/transfers/show?reference={came}", "/schools", f"/schools/{PROVIDER}",
        "/me", "/work", "/watch", "/evidence", "/nothing",
    )  # fmt: skip
    names = re.compile("|".join(sorted(map(re.escape, named(served)), key=len, reverse=True)))
    found = set()
    for path in pages:
        jane.get(path)
        told = (names.sub("", one) for one in Texts(jane.page).with_letters)
        found |= {one for one in told if _SPOKEN_ENGLISH.search(one)}
    jane.client.cookies.delete("language")
    assert found == set()


def named(served: Served) -> set[str]:
    """The names of teams and kinds of data, which are the authority's own words."""
    catalogue = load_catalogue(served.room.home.policies_in_force)
    kinds = {catalogue.wording.name(one) for one in catalogue.data_types()}
    return kinds | {one.name for one in catalogue.teams.team}


def test_who_gets_counts_alone_of_a_released_file_is_said_in_welsh() -> None:
    said = "Released as X, it goes to A, and in counts alone to B."
    assert (
        translate(said, "cy", "console") == "O'i rhyddhau fel X, mae'n mynd i A, ac fel cyfrifon yn unig i B."
    )
    said = "Released as X, it goes to B, in counts alone."
    assert translate(said, "cy", "console") == "O'i rhyddhau fel X, mae'n mynd i B, fel cyfrifon yn unig."
