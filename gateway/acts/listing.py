"""Base classes of acts that answer with a list; every list is filtered, sorted and paged in one way."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar, Literal, TypeAlias

from pydantic import field_validator
from sqlmodel import Session

from gateway.acts.act import ActContext, ActListing, ReadingAct
from gateway.acts.fields import option
from gateway.errors import GatewayError
from gateway.registry import providers
from gateway.zones.http_paths import row_number

Row: TypeAlias = Mapping[str, Any]
MOST = 500
"""The most rows of a page."""


ColumnKind: TypeAlias = Literal["text", "texts", "number", "day", "moment", "yes-no"]
_KINDS: Mapping[ColumnKind, str] = {
    "moment": "at last_login notify_by said until",
    "day": "closed_on day lapses ratified_on",
    "yes-no": "child new next_year ratified suspended",
    "number": "copies_waiting days days_left files hours_left number recalled records rows seconds size "
    "spool uses versions",
    "texts": "accounts acts events nature not_second_to notes people providers roles schools teams",
}
"""The columns with each kind of value, by names that mean the same in every list; all others are texts."""


class NoPageError(GatewayError):
    """Raised for a cursor without a page: an invalid one, or one of a row gone or hidden by now."""

    def __init__(self) -> None:
        super().__init__("that is the cursor of no page: begin at the first one")


class ListingAct(ReadingAct):
    """A question answered by rows.

    - `columns`: the columns shown, `narrow`: those on a narrow screen. A row may hold further values, for
      programs.
    - `empty`: the sentence shown if there are no rows.
    - `heading`: the title of the list's page; "" for the first sentence of the docstring.
    - `leads`: by column, the sort of page to which a value links: "file", "held-file" or "school".
    - `together`: commands to be carried out on all ticked rows of a page, which have a column `reference`.
    - `personal_columns`: columns with names or words of persons; no address filters by one.
    - `tabs`: a column, and the values of the column for which the page has tabs.
    - `kinds`: the kinds of values in columns that are of another kind here than `kind_of_column` tells.
    - `latest`: True if `rows` gives the oldest row first, and pages show the newest row first.
    """

    columns: ClassVar[tuple[str, ...]]
    narrow: ClassVar[tuple[str, ...]] = ()
    empty: ClassVar[str]
    latest: ClassVar[bool] = False
    tabs: ClassVar[tuple[str, tuple[str, ...]] | None] = None
    heading: ClassVar[str] = ""
    personal_columns: ClassVar[tuple[str, ...]] = ()
    together: ClassVar[tuple[str, ...]] = ()
    kinds: ClassVar[Mapping[str, ColumnKind]] = {}
    leads: ClassVar[Mapping[str, str]] = {"reference": "file", "provider": "school"}

    search: str | None = option("Search for these words.", None, personal=True, max_length=200)
    where: tuple[str, ...] = option(
        "Only rows with this in a column; may be given again.", (), metavar="COLUMN=VALUE"
    )
    sort: str | None = option(
        "By this column; with a hyphen before it, the last first.", None, metavar="COLUMN"
    )

    @field_validator("where", "sort")
    @classmethod
    def _names_columns(cls, given: tuple[str, ...] | str | None) -> tuple[str, ...] | str | None:
        if isinstance(given, str):
            names = [given.removeprefix("-")]
        else:
            names = [one.partition("=")[0] for one in given or ()]
        for name in names:
            if name not in cls.columns:
                raise ValueError(f"there is no column {name}; one of: {', '.join(cls.columns)}")
        return given

    def grouped_by(self) -> str:
        """Return the column by which the rows are grouped; "" for none."""
        return ""

    def value_in(self, row: Row, column: str) -> object:
        """Return a row's value in a column. The filter `where` and the grouping compare this value."""
        return row.get(column)

    def group_names(self, context: ActContext) -> Mapping[str, str]:  # noqa: ARG002 - for those that need it
        """Return names of the groups for people, by value; empty if the values need no other names."""
        return {}

    def rows(self, context: ActContext) -> Iterable[Row]:
        """Return all rows in the list's own order. GatewayError, in a sentence, if there can be no list."""
        raise NotImplementedError

    def closing(self, context: ActContext) -> str:  # noqa: ARG002 - for those that need it
        """Return a sentence to be shown below the list; "" for none."""
        return ""

    def carry_out(self, context: ActContext) -> ActListing:
        """Return the list, filtered, sorted and grouped; some rows are read only as the caller iterates."""
        return self._listing(context, self._in_groups(self._found(context)))

    def page(self, context: ActContext, limit: int, after: str = "", *, counted: bool = False) -> ActListing:  # noqa: ARG002 - counting costs nothing here
        """Return one page: at most `limit` rows after the cursor `after`; the first rows if the cursor is "".
        A `latest` list has the newest row first, if the person asked for no other order. `counted`: True to
        add the number of rows on all pages. NoPageError for an invalid cursor.
        """
        found = list(self._found(context))
        if self.latest and self.sort is None:
            found.reverse()
        found = [*self._in_groups(found)]
        start = _place(found, after) if after else 0
        shown = found[start : start + limit]
        end = start + len(shown)
        following = _cursor(end, shown[-1]) if shown and end < len(found) else ""
        groups = Counter(map(self._group_of, found)) if self.grouped_by() else {}
        return self._listing(
            context, shown, total=len(found), following=following, first=start + 1, groups=groups
        )

    def _listing(
        self, context: ActContext, rows: Iterable[Row], *, total: int | None = None, following: str = "",
        first: int = 1, groups: Mapping[str, int] | None = None,
    ) -> ActListing:  # fmt: skip
        rows, names = ([*rows], self.group_names(context)) if groups else (rows, {})
        return ActListing(
            rows, self.columns, self.empty, self.narrow,
            self.latest and self.sort is None and not self.grouped_by(),
            closing=self.closing(context), total=total, following=following, first=first,
            groups=tuple(
                {"value": one, "name": names.get(one, one), "number": number}
                for one, number in (groups or {}).items()
            ),
            group_of=tuple(map(self._group_of, rows)) if groups else (),
        )  # fmt: skip

    def _group_of(self, row: Row) -> str:
        return _text(self.value_in(row, self.grouped_by()))

    def _in_groups(self, rows: Iterable[Row]) -> Iterable[Row]:
        """Return rows sorted by group; the order within a group stays the same."""
        by = self.grouped_by()
        return sorted(rows, key=lambda row: order_of(self.value_in(row, by))) if by else rows

    def _found(self, context: ActContext) -> Iterable[Row]:
        found: Iterable[Row] = (row for row in self.rows(context) if self._fits(row))
        if self.sort is not None:
            column = self.sort.removeprefix("-")
            found = sorted(found, key=lambda row: order_of(row.get(column)), reverse=self.sort[0] == "-")
        return found

    def has_text(self, row: Row) -> bool:
        """Return True if a row contains every word of the search, or if nothing is searched for."""
        if not self.search:
            return True
        held = " ".join(map(_text, row.values())).casefold()
        return all(word in held for word in self.search.casefold().split())

    def _fits(self, row: Row) -> bool:
        if not self.has_text(row):
            return False
        for column, _, value in (each.partition("=") for each in self.where):
            held = self.value_in(row, column)
            if value not in {_text(one) for one in (held if isinstance(held, list | tuple) else (held,))}:
                return False
        return True


def kind_of_column(name: str) -> ColumnKind:
    """Return the kind of the values in a column of a list."""
    found = (kind for kind, names in _KINDS.items() if name in names.split())
    return "moment" if name.endswith("_at") else next(found, "text")


def columns_of(rows: Iterable[object], *columns: str) -> list[dict[str, Any]]:
    """Return each row as a dict with only the named columns, so no other value of a record is shown."""
    return [{name: getattr(row, name) for name in columns} for row in rows]


class GroupedListing(ListingAct):
    """A list that can be grouped by one of the columns `groups`."""

    groups: ClassVar[tuple[str, ...]]

    group: str | None = option(
        "Grouped by this column, with the number of rows of each group.", None, metavar="COLUMN"
    )

    @field_validator("group")
    @classmethod
    def _group_is_offered(cls, given: str | None) -> str | None:
        if given is not None and given not in cls.groups:
            raise ValueError(f"there are no groups by {given}; by one of: {', '.join(cls.groups)}")
        return given

    def grouped_by(self) -> str:
        """Return the column by which the person groups the list; "" for none."""
        return self.group or ""


class DatedListing(ListingAct):
    """A list that a person can limit to a span of days. `when`: the column with the time of a row."""

    when: ClassVar[str]

    from_: date | None = option("Only from this day on.", None)
    to: date | None = option("Only up to this day.", None)

    def bounds(self, context: ActContext) -> tuple[datetime | None, datetime | None]:
        """Return the first moment of the span of days asked for, and the first moment after the span.
        Days are those of the authority's time zone. A moment is None if the span is open on that side.
        """
        if self.from_ is None and self.to is None:
            return None, None
        from zoneinfo import ZoneInfo  # noqa: PLC0415 - few lists are told a day

        zone = ZoneInfo(context.catalogue.calendar.timezone)
        days = (self.from_, None if self.to is None else self.to + timedelta(days=1))
        first, last = (None if day is None else datetime.combine(day, time(), zone) for day in days)
        return first, last

    def _found(self, context: ActContext) -> Iterable[Row]:
        first, last = self.bounds(context)
        if first is None and last is None:
            return super()._found(context)
        since, until = first or datetime.min.replace(tzinfo=UTC), last or datetime.max.replace(tzinfo=UTC)
        return (row for row in super()._found(context) if (at := row[self.when]) and since <= at < until)


class ProviderListing(ListingAct):
    """A list that can be limited to one provider."""

    provider: str | None = option("Only this provider's.", None, metavar="ID", names="school")

    def check_provider(self, session: Session) -> None:
        """Raise NotFoundError if the list is limited to an unknown provider."""
        if self.provider is not None:
            providers.provider_row(session, self.provider)


def _text(value: object) -> str:
    """Return a value of a row as text, for searches and filters."""
    if isinstance(value, Mapping):
        return str(value.get("code", value))
    if isinstance(value, list | tuple):
        return " ".join(map(_text, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def order_of(value: object) -> tuple[int, float, str]:
    """Return a key for sorting values of any type: numbers first, then texts and times, then empty values."""
    if isinstance(value, int | float):
        return 0, value, ""
    text = value.astimezone(UTC).isoformat() if isinstance(value, datetime) else _text(value).casefold()
    return 1 if text else 2, 0, text


def _cursor(end: int, row: Row) -> str:
    return f"{end}.{hashlib.sha256(repr(sorted(row.items())).encode()).hexdigest()[:16]}"


def _place(found: Sequence[Row], cursor: str) -> int:
    """Return the index in `found` of the first row of the page after a cursor.
    A cursor notes the last row shown and the index after that row. The page begins after the row, even if the
    row has moved; if the row is gone or changed, at the index. NoPageError for an invalid cursor.
    """
    end = number_in_cursor(cursor.partition(".")[0])
    there = (place for place in range(1, len(found) + 1) if _cursor(end, found[place - 1]) == cursor)
    return next(there, end)


def number_in_cursor(text: str) -> int:
    """Return the number that a cursor, or a part of one, consists of. NoPageError for an invalid cursor."""
    if (number := row_number(text)) is None:
        raise NoPageError
    return number
