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
