"""Headings over sensitive data are told in the order in which they stand in the file."""

from gateway.model import Classified, Unlisted
from gateway.policy.catalogue import Catalogue
from gateway.policy.items import sensitive_headings


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
