"""report review: a term over all providers."""

from __future__ import annotations

from gateway.cli.console import DEFAULT_HOME, HomeOption, JsonOption, existing, fails_clearly, now, registry
from gateway.cli.documents import CsvOption, HtmlOption, deliver
from gateway.cli.options import FromOption, ToOption
from gateway.home.settings import load_settings
from gateway.policy.catalogue import load_catalogue
from gateway.policy.dates import local_day
from gateway.record.term_review import review_of, span_of
from gateway.reports.review import review_report


@fails_clearly
def one_review(
    first: FromOption = None,
    last: ToOption = None,
    html: HtmlOption = None,
    csv: CsvOption = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """All providers over a term: what came in time, how good it was, who has ratified, what differs.

    The term of today, or the last one, if no days are given; within one school year.
    """
    catalogue = load_catalogue(existing(home).policies_in_force)
    made_at = now()
    days = (first.date() if first else None, last.date() if last else None)
    span = span_of(*days, catalogue, local_day(made_at, catalogue.calendar.timezone))
    organisation = load_settings(existing(home)).organisation
    with registry(home) as opened, opened.read() as session:
        found = review_of(session, catalogue, span, made_at, organisation)
    deliver(review_report(found, made_at), html, csv, as_json=as_json)
