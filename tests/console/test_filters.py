"""Lists are narrowed and searched by the names that pages show."""

from __future__ import annotations

import html
import re

from sqlmodel import select

from gateway.registry import staff
from gateway.registry.tables import SavedFilterRow, TransferRow
from tests.console.served import OTHER, TEAM, Served
from tests.content import core_data
from tests.mailboxes.mailroom import NOW, PROVIDER

FILES = "/work/transfers/list"


def rows_of(first: int, last: int, total: object) -> str:
    """Which rows of how many are shown, as a page says it."""
    return f"{first}\N{EN DASH}{last} of {total}"


def test_the_filters_of_lists_offer_schools_kinds_and_teams_by_name(served: Served) -> None:
    served.jane.get(FILES)
    page = html.unescape(served.jane.page)
    assert f'<option value="{PROVIDER}"><b>A</b> & "Sons"</option>' in page
    assert f'<option value="{TEAM}">Central Data Team</option>' in page
    assert '<option value="attendance">' in page
    assert "<datalist" not in page


def test_a_filter_takes_a_name_in_any_case(served: Served) -> None:
    reference = served.room.accept(core_data(21))
    for name in (PROVIDER, '<b>a</b> & "sons"'):
        served.jane.get("/me")
        assert served.jane.client.get(FILES, params={"provider": name}).status_code == 200
        assert reference in served.jane.client.get(FILES, params={"provider": name}).text
    assert reference not in served.jane.client.get(FILES, params={"data_type": "attendance"}).text


def test_a_filter_by_what_only_earlier_policies_knew_stays_in_its_form(served: Served) -> None:
    reference = served.room.accept(core_data(23))
    with served.room.registry.write() as session:
        row = session.exec(select(TransferRow).where(TransferRow.reference == reference)).one()
        row.data_type = "ks2-old"
    served.jane.get(f"{FILES}?data_type=ks2-old")
    assert reference in served.jane.text
    assert '<option value="ks2-old" selected>ks2-old</option>' in served.jane.page
    served.jane.get(f"/mailboxes/{TEAM}?data_type=ks2-old")
    assert '<option value="ks2-old" selected>Ks2 old</option>' in served.jane.page
    served.jane.get(f"/mailboxes/{TEAM}")
    assert '<option value="ks2-old">Ks2 old</option>' in served.jane.page


def test_a_code_of_a_reason_is_shown_as_it_is_to_be_typed(served: Served) -> None:
    served.jane.get(FILES)
    (code,) = re.findall(r"(\w+:\w+), or policy for any", served.jane.text)
    assert served.jane.get(f"{FILES}?why={code}") == 200


def test_an_unknown_name_is_an_error_at_its_field_and_the_form_stays(served: Served) -> None:
    for field in ("provider", "data_type", "team"):
        answer = served.jane.client.get(FILES, params={field: "Nobody School", "from_": "2026-11-01"})
        assert answer.status_code == 403
        assert "called Nobody School" in answer.text
        assert f'<a href="#{field}">' in answer.text
        assert 'value="2026-11-01"' in answer.text
        assert "There is no such thing" not in answer.text
    answer = served.jane.client.get("/work/discrepancies/show", params={"number": "987654"})
    assert 'value="987654"' in answer.text


def test_each_word_of_a_search_is_looked_for_in_school_kind_file_and_reference(served: Served) -> None:
    reference, jane = served.room.accept(core_data(22)), served.jane
    part = reference.rpartition("-")[2]
    jane.get(FILES)
    for words in (f"sons {part.lower()}", f"core SONS {part}", f"{part} data"):
        assert jane.post(FILES, search=words) == 200
        assert reference in jane.text, words
    for words in (f"sons {part} attendance", "oak census"):
        assert jane.post(FILES, search=words) == 200
        assert reference not in jane.text.partition("CSV file")[2], words
    assert jane.post("/work/held/list", search="nobody here") == 200


def test_a_filter_that_names_no_person_stands_in_the_address_and_a_search_in_none(served: Served) -> None:
    jane = served.jane
    jane.get(FILES)
    fields = {"token": jane.hidden("token"), "state": "held", "where": "provider=x", "search": ""}
    answer = jane.client.post(FILES, data=fields, follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{FILES}?state=held&where=provider%3Dx"
    for personal in ({"search": "Sam"}, {"where": "name=Sam Jones.csv"}):
        answer = jane.client.post(FILES, data=fields | personal, follow_redirects=False)
        assert answer.status_code == 200
        assert jane.client.get(FILES, params=personal).status_code == 400


def test_the_way_back_from_a_file_keeps_the_filter_of_the_list(served: Served) -> None:
    held, jane = served.room.hold(b"goes back"), served.jane
    listed = "/work/held/list?where=waits_for%3Da+person"
    for page, before in ((f"/held/{held}", listed), (f"/schools/{PROVIDER}", "/schools?late=yes")):
        answer = jane.client.get(page, headers={"referer": f"{served.origin}{before}"})
        assert f'<a class="back" href="{before}">' in answer.text, page
        answer = jane.client.get(page, headers={"referer": f"https://elsewhere.invalid{before}"})
        assert before not in answer.text, page


def test_marking_files_of_a_mailbox_leads_back_to_its_filter_and_says_so(served: Served) -> None:
    reference, jane = served.room.deliver(b"to be marked", TEAM), served.jane
    here = f"/mailboxes/{TEAM}?provider={PROVIDER}"
    assert jane.get(here) == 200
    fields = {
        "token": jane.hidden("token"),
        "back": jane.hidden("back"),
        "reference": reference,
        "do": "deal",
    }
    answer = jane.client.post(f"/mailboxes/{TEAM}", data=fields, follow_redirects=False)
    assert (answer.status_code, answer.headers.get("location")) == (303, here), answer.text
    assert jane.get(here) == 200
    assert "Marked as dealt with." in jane.text
    elsewhere = {"token": fields["token"], "back": "/me"}
    answer = jane.client.post(f"/mailboxes/{TEAM}", data=elsewhere, follow_redirects=False)
    assert answer.headers["location"] == f"/mailboxes/{TEAM}"


def test_all_rows_that_are_shown_are_chosen_by_a_link(served: Served) -> None:
    served.room.hold(b"to be chosen")
    assert served.jane.get("/work/held/list?where=waits_for%3Da+person") == 200
    assert 'name="reference" value' in served.jane.page
    assert " checked>" not in served.jane.page
    link = '<a href="/work/held/list?where=waits_for%3Da+person&amp;all=yes">Choose all that are shown</a>'
    assert link in served.jane.page
    assert served.jane.get("/work/held/list?where=waits_for%3Da+person&all=yes") == 200
    boxes = served.jane.page.count('type="checkbox" form="together"')
    assert served.jane.page.count(" checked></td>") == boxes > 0


def test_held_files_are_shown_in_groups_each_with_its_number(served: Served) -> None:
    for content in (b"grouped 1", b"grouped 2"):
        served.room.hold(content)
    assert served.jane.get("/work/held/list") == 200
    assert "Group by:" in served.jane.text
    alone, row = (
        "/work/held/list?group=why&where=why%3Dclassify%3Aunknown",
        'form="together" name="reference"',
    )
    assert served.jane.get(alone) == 200
    number = served.jane.page.count(row)
    assert rows_of(1, number, number) in served.jane.text
    assert served.jane.get("/work/held/list?group=why") == 200
    assert f"Not recognised as any kind of data ({number})" in served.jane.text
    every = served.jane.page.count(row)  # Other tests hold files for other reasons.
    assert rows_of(1, every, every) in served.jane.text
    assert served.jane.get("/work/held/list?group=why&all=classify%3Aunknown") == 200
    assert served.jane.page.count(" checked></td>") == number
    assert served.jane.get("/work/held/list?group=owner") == 403
    assert "There are no groups by owner" in served.jane.text


def test_a_page_says_which_rows_of_how_many_it_shows(served: Served) -> None:
    for number in range(52):
        served.room.deliver(f"one of many {number}".encode(), TEAM)
    jane = served.jane
    for path in (f"/mailboxes/{TEAM}", FILES):
        assert jane.get(path) == 200
        (total,) = re.findall(rows_of(1, 50, r"(\d+)"), jane.text)[:1]
        if path == FILES:
            (after,) = re.findall(r'name="after" value="([^"]+)"', jane.page)
            assert jane.get(f"{FILES}?after={after}") == 200
        else:
            (further,) = re.findall(r'rel="next" href="([^"]+)"', jane.page)
            assert jane.get(html.unescape(further)) == 200
        assert rows_of(51, min(int(total), 100), total) in jane.text, path


def test_a_filter_is_saved_under_a_name_and_found_again_by_its_person_alone(served: Served) -> None:
    jane, kept = served.jane, "where=waits_for%3Da+person&group=why"
    assert jane.get(f"/work/held/list?{kept}&all=yes") == 200
    assert html.unescape(jane.hidden("filter")) == kept
    saved = {"of": "held list", "filter": kept, "name": "Mine to do", "back": f"/work/held/list?{kept}"}
    assert jane.post("/work/filters/save", **saved) == 200
    assert "The filter Mine to do is saved" in jane.text
    link = f'<a href="/work/held/list?{html.escape(kept)}" aria-current="true">Mine to do</a>'
    assert link in jane.page
    assert "Save this filter" not in jane.text
    served.mary.get("/work/held/list")
    assert "Mine to do" not in served.mary.text
    jane.get("/work/transfers/list")
    assert "Mine to do" not in jane.text
    jane.get(f"/work/held/list?{kept}")
    removed = {"of": "held list", "name": "Mine to do", "back": "/work/held/list"}
    assert jane.post("/work/filters/remove", **removed) == 200
    assert "The filter Mine to do is removed" in jane.text
    assert 'href="/work/held/list?where=waits_for%3Da+person&amp;group=why"' not in jane.page


def test_a_filter_of_a_mailbox_is_kept_for_that_mailbox(served: Served) -> None:
    sam, here = served.sam, f"/mailboxes/{OTHER}"
    served.room.deliver(b"for others", OTHER)
    assert sam.get(f"{here}?provider={PROVIDER}") == 200
    kept = html.unescape(sam.hidden("filter"))
    assert sam.post("/work/filters/save", of="mailbox list", filter=kept, name="One school", back=here) == 200
    assert f'<a href="{here}?team={OTHER}&amp;provider={PROVIDER}">One school</a>' in sam.page
    served.jane.get(f"/mailboxes/{TEAM}")
    assert "One school" not in served.jane.text


def test_what_a_list_does_not_understand_or_may_name_a_child_is_not_saved(served: Served) -> None:
    jane = served.jane
    for of, kept, why in (
        ("held list", "search=Sam", "has no search"),
        ("transfers list", "where=name%3DSam.csv", "has no where that may be personal"),
        ("held list", "colour=red", "has no colour"),
        ("held list", "where=colour%3Dred", "There is no column colour"),
        ("held release", "why=x", "There is no list held release"),
        ("held list", "mine", "narrows, sorts and groups nothing"),
        ("held list", "mine=no&where=", "narrows, sorts and groups nothing"),
    ):
        jane.get("/me")
        assert jane.post("/work/filters/save", of=of, filter=kept, name="wrong") == 403
        assert why in jane.text, why
    jane.get("/work/filters/list")
    assert "wrong" not in jane.text


def test_a_filter_saved_before_its_column_was_personal_leads_to_no_refused_page(served: Served) -> None:
    with served.room.registry.write() as session:
        for name, query in (("old", "where=owner%3Djane"), ("good", "mine=yes")):
            session.add(SavedFilterRow(staff="jane", listing="held list", name=name, query=query))
    assert served.jane.get("/work/held/list") == 200
    assert '<a href="/work/held/list?mine=yes">good</a>' in served.jane.page
    assert "where=owner" not in served.jane.page
    for name in ("old", "good"):
        served.jane.post("/work/filters/remove", of="held list", name=name)
        assert f"The filter {name} is removed" in served.jane.text


def test_whoever_comes_after_a_leaver_of_that_name_has_no_filter_of_theirs(served: Served) -> None:
    served.room.staff("tom", TEAM)
    with served.room.registry.write() as session:
        session.add(SavedFilterRow(staff="tom", listing="held list", name="old", query="mine=yes"))
    served.room.remove_staff("tom")
    with served.room.registry.read() as session:
        assert staff.saved_filters(session, "tom") == []


def test_files_tell_why_in_words_and_what_was_sent_back_from_what_was_refused(served: Served) -> None:
    jane, held = served.jane, served.room.hold(b"sent back in words")
    jane.get(f"/held/{held}")
    assert jane.act("/work/held/return", reference=held, advice="Send it as CSV.") == 200
    jane.get(f"{FILES}?where=outcome%3Dsent+back+with+advice")
    assert held in jane.text
    jane.get(f"{FILES}?where=outcome%3Drefused")
    assert held not in jane.text
    jane.get(FILES)
    assert "person:returned" not in jane.text
    assert "policy:allowed" not in jane.text


def test_people_are_listed_with_teams_roles_and_whether_they_can_log_in(served: Served) -> None:
    served.room.staff("uma", OTHER)
    with served.room.registry.write() as session:
        staff.add_staff(session, "vic", [TEAM], NOW)
        staff.add_staff(session, "wes", [TEAM], NOW)
    served.console.invite("wes")
    served.room.remove_staff("uma")
    mary = served.mary
    assert mary.get("/work/staff/list") == 200
    rows = {cells[0]: cells[1:] for cells in _rows(mary.page)}
    assert rows["jane"][:3] == ["Central Data Team", "triage", "active"]
    assert rows["jane"][3]
    assert rows["vic"][2] == "not invited"
    assert rows["wes"][2:4] == ["invited", ""]
    assert "uma" not in rows
    assert mary.get("/work/staff/list?where=state%3Dleft") == 200
    assert {cells[0] for cells in _rows(mary.page)} >= {"uma"}


def _rows(page: str) -> list[list[str]]:
    """The cells of each row of the list of a page, without markup."""
    body = page.partition("<tbody")[2].partition("</tbody>")[0]
    return [
        [
            " ".join(html.unescape(re.sub("<[^>]+>", " ", cell)).split())
            for cell in re.findall(r"<td [^>]*>(.*?)</td>", row, re.DOTALL)
        ]
        for row in body.split("<tr ")[1:]
    ]


def test_the_name_of_a_filter_is_measured_in_characters(served: Served) -> None:
    wrong = {"of": "held list", "name": "n" * 61, "filter": "state=held"}
    assert served.jane.post("/work/filters/save", **wrong) == 403
    assert "Enter at most 60 characters for" in served.jane.text
