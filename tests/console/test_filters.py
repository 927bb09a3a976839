"""Lists are narrowed and searched by the names that pages show."""

from __future__ import annotations

import html

from tests.console.served import TEAM, Served
from tests.content import core_data
from tests.mailboxes.mailroom import PROVIDER

FILES = "/work/transfers/list"


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
    answer = jane.client.post(FILES, data={**fields, "search": "Sam"}, follow_redirects=False)
    assert answer.status_code == 200


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
