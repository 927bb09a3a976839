"""Headings over sensitive data are told in the order in which they stand in the file."""

import pytest

from gateway.model import Classified, Unlisted
from gateway.policy.catalogue import Catalogue
from gateway.policy.items import sensitive_headings
from gateway.reasons import unlisted_in_words


def test_sensitive_headings_are_told_in_the_order_of_the_columns(catalogue: Catalogue) -> None:
    columns = tuple(
        Unlisted(position=place, header="Notes", filled=1, kind="text", topic=topic)
        for place, topic in ((7, "health"), (2, "religion"), (4, ""))
    )
    content = Classified(
        data_type="student-core",
        level="certain",
        evidence=(),
        format="CSV",
        extension="csv",
        unlisted=columns,
    )
    found = [(heading, topic) for heading, topic, _ in sensitive_headings(content, catalogue)]
    assert found == [("column 2 (Notes)", "religion"), ("column 7 (Notes)", "health")]


@pytest.mark.parametrize(("filled", "told"), [(1, "filled 1 time"), (2, "filled 2 times")])
def test_an_unlisted_column_is_told_with_how_often_it_is_filled(filled: int, told: str) -> None:
    column = Unlisted(position=3, header="Notes", filled=filled, kind="text")
    assert unlisted_in_words(column) == f"column 3 (Notes): text, {told}"
