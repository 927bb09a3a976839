"""The team's share of a delivery: the file as sent, a view, or counts; and the about text."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session

from gateway.errors import Fault
from gateway.mailboxes.contents import FileOrder
from gateway.mailboxes.names import file_name
from gateway.model import Basis, Classified, Contained, Counting, ProviderKind, Reason, RecordsWhere, Unlisted
from gateway.policy.catalogue import Catalogue
from gateway.policy.items import basis_for, counting, left_out, places
from gateway.registry import providers
from gateway.registry.deliveries import Delivery
from gateway.registry.markers import NOBODY, kept_apart
from gateway.registry.transfers import contained_in, contents_of, reasons_of

_LINE = "\r\n"  # The text is opened with a double click, on Windows as well.


def about_text(
    delivery: Delivery,
    items: Sequence[str],
    unlisted: Sequence[Unlisted],
    catalogue: Catalogue,
    *,
    withheld: Sequence[str] = (),
    apart: bool = False,
    where: RecordsWhere | None = None,
) -> bytes:
    """Return the UTF-8 text for one delivery; `items` are the labels left out of its view.

    `withheld`: the labels of cells left blank because of their values. `apart`: True if records of children
    visible to few people are left out; their number is not disclosed. `where`: the records that the team
    gets, where not all.
    """
    lines = [
        f"{file_name(delivery)}",
        "",
        f"This is what the team {_team(delivery, catalogue)} may have of the file that",
        f"{delivery.provider} sent (reference {delivery.reference}). The following was left out.",
        *_no_right(items, catalogue),
        *_not_listed(items, unlisted, catalogue),
        *_withheld(withheld),
        *_others(where),
        *(_APART if apart else ()),
        "",
        "The file as it was sent is kept, sealed. If your work needs more of it, tell an administrator which",
        "clause of the agreement asks for it: rights are given on record, for all files or for this one.",
    ]
    return _encoded(lines)


def about_counts(delivery: Delivery, catalogue: Catalogue) -> bytes:
    """Return the UTF-8 text beside tables of counts."""
    rule, clause = catalogue.teams.counts, catalogue.clause_of("policy:counts-only")
    return _encoded(
        [
            f"{file_name(delivery)}",
            "",
            f"These are counts for the team {_team(delivery, catalogue)}, made from a file that",
            f"{delivery.provider} sent (reference {delivery.reference}).",
            f"It holds no record of a pupil ({clause}).",
            "",
            "- Every number is rounded, up or down by chance, to a multiple of",
            f"  {rule.rounding}: the true one is less than {rule.rounding} away. On average it is right.",
            f"- A number of fewer than {rule.threshold} pupils, and at times a few more, is not told.",
            "  Such a year group is counted under 'other', such a postcode sector is left out, and",
            "  'low' stands for such a number. A year group with few of one sex is told in one line.",
            "- A number may differ from that of an earlier file by rounding alone.",
            "- Each pupil with a sole or main registration is counted once. 'arrived' and 'left' are",
            "  since the census before.",
            "",
            "There is one such file for a school, a kind of data and a census period.",
        ]
    )


_APART = (
    "",
    "Because data protection has said that few people may see them:",
    "- records of single pupils. Ask data protection if your work needs them.",
)


def _others(where: RecordsWhere | None) -> Iterator[str]:
    if where is not None:
        yield from ("", "Because the agreement gives this team the records of some children only:")
        yield f"- every record in which {where.item} is not one of: {', '.join(where.values)}"


def _encoded(lines: Sequence[str]) -> bytes:
    return "".join(f"{line}{_LINE}" for line in lines).encode()


def held_text(delivery: Delivery, reasons: Sequence[Reason]) -> bytes:
    """Return the UTF-8 text for a held file: the reasons to wait, and the possible decisions."""
    lines = [
        f"{file_name(delivery)}",
        "",
        f"{delivery.provider} sent this file (reference {delivery.reference}). It waits, because:",
        *(line for reason in reasons for line in ("", *_reason(reason))),
        "",
        "Look at it, and decide in the console, where there is one, or have one of these typed:",
        *(
            f'- gateway held {act} {delivery.reference} {more} "..."'
            for act, more in (("release", "--why"), ("return", "--advice"), ("refuse", "--why"))
        ),
    ]
    return _encoded(lines)


def _reason(reason: Reason) -> Iterator[str]:
    yield f"- {reason.sentence}"
    yield f"  (clause {reason.clause}; {reason.code}) The sender is told: {reason.next_step}"


def _team(delivery: Delivery, catalogue: Catalogue) -> str:
    team = catalogue.team(delivery.team or "")
    return team.name if team is not None else delivery.team or ""


def _no_right(items: Sequence[str], catalogue: Catalogue) -> Iterator[str]:
    listed = [item for item in items if item in catalogue.appendix_a]
    if listed:
        yield from ("", "Because the agreement gives this team no reason to have it (Appendix A):")
        yield from (f"- {item} ({catalogue.appendix_a[item].clause})" for item in listed)


def _withheld(abouts: Sequence[str]) -> Iterator[str]:
    if abouts:
        yield from ("", "Because something else stands in them than their heading says, cells are blank in:")
        yield from (f"- {about}" for about in abouts)
        yield "The sender is told which they are, and what to write instead."


def _not_listed(items: Sequence[str], unlisted: Sequence[Unlisted], catalogue: Catalogue) -> Iterator[str]:
    others = [item for item in items if item not in catalogue.appendix_a]
    if others or unlisted:
        yield from ("", "Because the agreement does not list it for such a file (3.1):")
        yield from (f"- {item}" for item in others)
    if unlisted:
        yield f"- {places(unlisted)}"


@dataclass(frozen=True, slots=True)
class TeamView:
    """The contents of a delivery, and the items (`lacking`) left out of the view of the team."""

    delivery: Delivery
    held: Classified | Contained
    lacking: tuple[str, ...]
    where: RecordsWhere | None = None

    @property
    def withheld(self) -> tuple[str, ...]:
        """The labels of cells left blank in the view because of their values."""
        found = (one.about for one in self.held.findings if one.expected and one.about not in self.lacking)
        return tuple(dict.fromkeys(found))

    @property
    def says_something(self) -> bool:
        """True if the view has an about text, even with every record included."""
        return self.delivery.counts or bool(self.lacking or self.held.unlisted or self.withheld or self.where)


@dataclass(frozen=True, slots=True)
class Bases:
    """The basis of each team, its share of each kind of file, computed once under one catalogue."""

    catalogue: Catalogue
    _found: dict[object, Basis] = field(default_factory=dict)
    _lacking: dict[object, tuple[str, ...]] = field(default_factory=dict)

    def basis(self, delivery: Delivery, held: Classified | Contained, sender: ProviderKind) -> Basis:
        """Return the basis of a delivery: the share of the team."""
        data_type = delivery.data_type or held.data_type
        asked = (delivery.team or "", data_type, sender, held.unlisted, held.format, held.stated)
        if (basis := self._found.get(asked)) is None:
            basis = self._found[asked] = basis_for(
                asked[0],
                data_type,
                self.catalogue,
                sender,
                held.unlisted,
                form=held.format,
                stated=held.stated,
            )
        return basis

    def view(self, delivery: Delivery, held: Classified | Contained, sender: ProviderKind) -> TeamView:
        """Return the view of a delivery for its team."""
        data_type = delivery.data_type or held.data_type
        asked = (delivery.team, data_type, sender, held.format, held.items, held.other_items, held.stated)
        basis = self.basis(delivery, held, sender)
        if (lacking := self._lacking.get(asked)) is None:
            lacking = self._lacking[asked] = left_out(held, basis)
        return TeamView(delivery, held, lacking, basis.where)


_View = tuple[int, str | None, datetime, bool, ProviderKind]
_MOST_KNOWN = 200_000


def _of_view(delivery: Delivery, sender: ProviderKind) -> _View:
    """Return the key of a view in the cache of one catalogue; a new decision changes `decided_at`."""
    return delivery.sequence, delivery.team, delivery.decided_at, delivery.counts, sender


@dataclass(slots=True)
class KnownViews:
    """Remember if an about text stands beside each view; None for a file that nobody recognised."""

    _catalogue: Catalogue | None = None
    _says: dict[_View, bool | None] = field(default_factory=dict)

    def by(self, catalogue: Catalogue) -> dict[_View, bool | None]:
        """Return the cache, to look up and extend; an empty one for other policies, or once too large."""
        if catalogue is not self._catalogue or len(self._says) > _MOST_KNOWN:
            self._catalogue, self._says = catalogue, {}
        return self._says


@dataclass(frozen=True, slots=True)
class Showing:
    """Decide the shown part of each delivery, by the policies in force (`catalogue`).

    `seed` gives the secret for rounding the counts of a content, by the content's digest.
    """

    catalogue: Callable[[], Catalogue]
    seed: Callable[[str], str]
    known: KnownViews = field(default_factory=KnownViews)

    def with_apart(self, session: Session, deliveries: Sequence[Delivery], person: str) -> list[Delivery]:
        """Set `apart` of each delivery: the markers of children whose records a person's view omits."""
        views = [each.sequence for each in deliveries if not each.whole and not each.counts]
        found = kept_apart(session, views, person)
        return [
            one._replace(apart=found[one.sequence].numbers) if one.sequence in found else one
            for one in deliveries
        ]

    def order(self, session: Session, delivery: Delivery, person: str) -> FileOrder:
        """Return the order to open a delivery for a team member. Fault if nothing can be shown."""
        found = contents_of(session, [delivery.sequence]).get(delivery.sequence)
        content = found if isinstance(found, Classified) else None
        if delivery.counts or self.catalogue().has_counts_alone(delivery.team, delivery.data_type):
            return FileOrder(delivery.reference, self._counting(delivery, content), delivery)
        if delivery.team is None or delivery.whole or content is None:
            return FileOrder(delivery.reference, None, delivery)
        apart = kept_apart(session, [delivery.sequence], person).get(delivery.sequence, NOBODY)
        kind = self._kinds(session, [delivery])[delivery.provider]
        basis = Bases(self.catalogue()).basis(delivery, content, kind)
        shown = delivery._replace(apart=apart.numbers)
        return FileOrder(delivery.reference, basis, shown, apart.persons)

    def abouts(self, session: Session, deliveries: Sequence[Delivery], person: str) -> dict[int, bytes]:
        """Return the about texts by sequence: the items left out of a view, or the reasons to wait."""
        found = {
            each.sequence: held_text(each, reasons) for each, reasons in self._waiting(session, deliveries)
        }
        apart = kept_apart(session, [each.sequence for each in deliveries], person)
        catalogue = self.catalogue()
        for view in self._views(session, deliveries, catalogue):
            one, unlisted, kept = view.delivery, view.held.unlisted, view.delivery.sequence in apart
            if one.counts:
                found[one.sequence] = about_counts(one, catalogue)
            elif view.says_something or kept:
                found[one.sequence] = about_text(
                    one,
                    view.lacking,
                    unlisted,
                    catalogue,
                    withheld=view.withheld,
                    apart=kept,
                    where=view.where,
                )
        return found

    def told_of(self, session: Session, deliveries: Sequence[Delivery]) -> frozenset[int]:
        """Return the sequences of deliveries with an about text, for deliveries from `with_apart`.

        The contents of a file are read once, until a new decision or new policies.
        """
        waiting = [each.sequence for each in deliveries if each.team is None]
        return frozenset((*self._told_of_views(session, deliveries), *reasons_of(session, waiting)))

    def _told_of_views(self, session: Session, deliveries: Sequence[Delivery]) -> Iterator[int]:
        catalogue = self.catalogue()
        views = [each for each in deliveries if not each.whole]
        kinds = self._kinds(session, views) if views else {}
        known = self.known.by(catalogue)
        asked = {_of_view(each, kinds[each.provider]): each for each in views}
        unknown = [each for view, each in asked.items() if view not in known]
        if unknown:
            found = self._views(session, unknown, catalogue)
            says = {view.delivery.sequence: view.says_something for view in found}
            known.update((_of_view(each, kinds[each.provider]), says.get(each.sequence)) for each in unknown)
        for view, each in asked.items():
            says_something = known[view]
            if says_something or (says_something is not None and each.apart):
                yield each.sequence

    def _waiting(
        self, session: Session, deliveries: Sequence[Delivery]
    ) -> Iterator[tuple[Delivery, Sequence[Reason]]]:
        """Yield the held deliveries with their reasons to wait."""
        waiting = {each.sequence: each for each in deliveries if each.team is None}
        for number, why in (reasons_of(session, list(waiting)) if waiting else {}).items():
            yield waiting[number], why

    def _views(
        self, session: Session, deliveries: Sequence[Delivery], catalogue: Catalogue
    ) -> Iterator[TeamView]:
        """Yield the views of deliveries not shown as sent."""
        holdings = contained_in(session, [each.sequence for each in deliveries if not each.whole])
        kinds = self._kinds(session, deliveries) if holdings else {}
        bases = Bases(catalogue)
        for delivery in deliveries:
            if (held := holdings.get(delivery.sequence)) is not None:
                yield bases.view(delivery, held, kinds[delivery.provider])

    def _counting(self, delivery: Delivery, content: Classified | None) -> Counting:
        if content is None:
            raise Fault("there is nothing to count in a file that nobody recognised")
        return counting(
            content,
            self.catalogue(),
            provider=delivery.provider,
            period=delivery.period,
            landed_at=delivery.landed_at,
            seed=self.seed(delivery.content_sha256),
        )

    def _kinds(self, session: Session, deliveries: Sequence[Delivery]) -> dict[str, ProviderKind]:
        return providers.kinds_of(session, {each.provider for each in deliveries})
