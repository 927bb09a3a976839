"""Make what a team sees of a delivery: the file as sent, a view, or counts; and the text NAME.about.txt."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from jinja2 import Environment, PackageLoader, StrictUndefined
from sqlmodel import Session

from gateway.classify.findings import is_of
from gateway.errors import Fault
from gateway.mailboxes.contents import FileOrder
from gateway.mailboxes.names import file_name
from gateway.model import Basis, Classified, Contained, ProviderKind
from gateway.policy.catalogue import Catalogue
from gateway.policy.items import basis_for, counting, left_out, places
from gateway.registry import providers
from gateway.registry.deliveries import Delivery
from gateway.registry.markers import kept_apart
from gateway.registry.transfers import contained_in, contents_of, reasons_of

_View = tuple[int, str | None, datetime, bool, ProviderKind]
"""The key of a view among those known under one catalogue; a new decision changes the moment."""
_MOST_KNOWN = 200_000


_TEMPLATES = Environment(
    loader=PackageLoader("gateway.mailboxes"),
    autoescape=False,  # noqa: S701 - they make plain texts
    undefined=StrictUndefined,
    trim_blocks=True,
    keep_trailing_newline=True,
)


def _text_beside(delivery: Delivery, template: str, **parts: object) -> bytes:
    """Return the text beside a delivery as UTF-8: the name of the file, then the rendered `template`."""
    text = _TEMPLATES.get_template(f"{template}.txt").render(delivery=delivery, **parts)
    # The text is opened with a double click, on Windows as well.
    return f"{file_name(delivery)}\n\n{text}".replace("\n", "\r\n").encode()


def _about_view(view: TeamView, catalogue: Catalogue, *, apart: bool) -> bytes:
    """Return the text on the items and records left out of a view, and why.
    `apart`: True if records of children visible only to few people are left out; the text gives no number.
    """
    one, listed, unlisted = view.delivery, catalogue.appendix_a, view.held.unlisted
    return _text_beside(
        one, "view", view=view, apart=apart,
        team=catalogue.wording.name(one.team or ""),
        no_right={item: listed[item].clause for item in view.lacking if item in listed},
        others=[item for item in view.lacking if item not in listed],
        unlisted=places(unlisted) if unlisted else "",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class TeamView:
    """A team's view of a delivery: the file's contents, and the labels of the items left out (`lacking`).
    `where`: an item and some values, if the team gets only records with one of these values; None for every
    record.
    """

    delivery: Delivery
    held: Classified | Contained
    lacking: tuple[str, ...]
    where: tuple[str, tuple[str, ...]] | None = None

    @property
    def withheld(self) -> tuple[str, ...]:
        """The labels of fields in which cells are left blank, because a value does not fit the field's
        heading.
        """
        found = (one.about for one in self.held.findings if one.expected and not is_of(one, self.lacking))
        return tuple(dict.fromkeys(found))

    @property
    def says_something(self) -> bool:
        """True if a NAME.about.txt has something to tell, apart from records of children left out."""
        return self.delivery.counts or bool(self.lacking or self.held.unlisted or self.withheld or self.where)


@dataclass(frozen=True, slots=True)
class Showing:
    """Decides which form of a delivery people see, by the policies in force (`catalogue`).

    `seed`, called with the digest of a content, returns the secret for rounding counts of the content.
    """

    catalogue: Callable[[], Catalogue]
    seed: Callable[[str], str]
    known: dict[str, dict[_View, bool | None]] = field(default_factory=dict)
    """By the digest of the policies, for each view: True if a NAME.about.txt stands beside the file.

    None for a file that nobody recognised.
    """

    def with_apart(self, session: Session, deliveries: Sequence[Delivery], person: str) -> list[Delivery]:
        """Return deliveries with `apart` set: the numbers of markers on children hidden from the person."""
        views = [each.sequence for each in deliveries if not each.whole and not each.counts]
        found = kept_apart(session, views, person)
        return [
            one._replace(apart=frozenset(found[one.sequence])) if one.sequence in found else one
            for one in deliveries
        ]

    def order(self, session: Session, delivery: Delivery, person: str) -> FileOrder:
        """Return the request to open a delivery for a person. Fault if the view cannot be made."""
        found, catalogue = contents_of(session, [delivery.sequence]).get(delivery.sequence), self.catalogue()
        content = found if isinstance(found, Classified) else None
        if delivery.counts or catalogue.has_counts_alone(delivery.team, delivery.data_type):
            if content is None:
                raise Fault("there is nothing to count in a file that nobody recognised")
            counts = counting(
                content, catalogue, provider=delivery.provider, period=delivery.period,
                landed_at=delivery.landed_at, seed=self.seed(delivery.content_sha256),
            )  # fmt: skip
            return FileOrder(delivery.reference, counts, delivery, policies=catalogue.digest)
        if delivery.team is None or delivery.whole or content is None:
            return FileOrder(delivery.reference, None, delivery, policies=catalogue.digest)
        apart = kept_apart(session, [delivery.sequence], person).get(delivery.sequence, {})
        kind = providers.kinds_of(session, {delivery.provider})[delivery.provider]
        basis = _basis_of(delivery, content, kind, catalogue)
        shown, digests = delivery._replace(apart=frozenset(apart)), frozenset[bytes]().union(*apart.values())
        return FileOrder(delivery.reference, basis, shown, digests, catalogue.digest)

    def abouts(self, session: Session, deliveries: Sequence[Delivery], person: str) -> dict[int, bytes]:
        """Return the NAME.about.txt of deliveries, by sequence: on items left out, or on reasons to wait."""
        catalogue, waiting = self.catalogue(), {one.sequence: one for one in deliveries if one.team is None}
        reasons = reasons_of(session, list(waiting)) if waiting else {}
        found = {
            number: _text_beside(waiting[number], "held", reasons=why) for number, why in reasons.items()
        }
        apart = kept_apart(session, [each.sequence for each in deliveries], person)
        for view in self._views(session, deliveries, catalogue):
            one, kept = view.delivery, view.delivery.sequence in apart
            if one.counts:
                rule, clause = catalogue.teams.counts, catalogue.clause_of("policy:counts-only")
                team = catalogue.wording.name(one.team or "")
                found[one.sequence] = _text_beside(one, "counts", rule=rule, clause=clause, team=team)
            elif view.says_something or kept:
                found[one.sequence] = _about_view(view, catalogue, apart=kept)
        return found

    def told_of(self, session: Session, deliveries: Sequence[Delivery]) -> frozenset[int]:
        """Return the sequences of deliveries with a NAME.about.txt; `deliveries`: as returned by
        `with_apart`.
        For a view, the answer is remembered until a new decision or new policies.
        """
        catalogue, views = self.catalogue(), [each for each in deliveries if not each.whole]
        kinds = providers.kinds_of(session, {each.provider for each in views}) if views else {}
        known = self.known.get(catalogue.digest)
        if known is None or len(known) > _MOST_KNOWN:
            self.known.clear()  # Another thread that reads the old dict keeps it until it is done.
            known = self.known[catalogue.digest] = {}
        asked: dict[_View, Delivery] = {
            (one.sequence, one.team, one.decided_at, one.counts, kinds[one.provider]): one for one in views
        }
        told = {view: known[view] for view in asked if view in known}
        if unknown := asked.keys() - told.keys():
            found = self._views(session, [asked[view] for view in unknown], catalogue)
            says = {view.delivery.sequence: view.says_something for view in found}
            new = {view: says.get(asked[view].sequence) for view in unknown}
            known.update(new)
            told |= new
        waiting = [each.sequence for each in deliveries if each.team is None]
        return frozenset(reasons_of(session, waiting)).union(
            one.sequence
            for view, one in asked.items()
            if (said := told[view]) or (said is not None and one.apart)
        )

    def _views(
        self, session: Session, deliveries: Sequence[Delivery], catalogue: Catalogue
    ) -> Iterator[TeamView]:
        """Yield the team's view of each delivery that the team does not get as sent.
        Deliveries with equal results of classification are judged once.
        """
        holdings = contained_in(session, [each.sequence for each in deliveries if not each.whole])
        kinds = providers.kinds_of(session, {each.provider for each in deliveries}) if holdings else {}
        shares: dict[object, TeamView] = {}
        for one in deliveries:
            if (held := holdings.get(one.sequence)) is not None:
                kind, of = kinds[one.provider], one.data_type or held.data_type
                alike = (one.team, of, kind, held.format, held.items, held.other_items, held.stated)
                if (share := shares.get(alike)) is None:
                    basis = _basis_of(one, held, kind, catalogue)
                    share = shares[alike] = TeamView(one, held, left_out(held, basis), basis.where)
                yield replace(share, delivery=one, held=held)


def _basis_of(
    delivery: Delivery, held: Classified | Contained, sender: ProviderKind, catalogue: Catalogue
) -> Basis:
    """Return what the team of a delivery may have of the file."""
    return basis_for(
        delivery.team or "", delivery.data_type or held.data_type, catalogue, sender, held.unlisted,
        form=held.format, stated=held.stated,
    )  # fmt: skip
