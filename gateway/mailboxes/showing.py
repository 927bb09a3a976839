"""What a team is shown of its deliveries: the file as sent, its view, or counts; and what is told of that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sqlmodel import Session

from gateway.errors import Fault
from gateway.mailboxes.about import about_counts, about_text, held_text
from gateway.mailboxes.contents import FileOrder
from gateway.model import Basis, Classified, Counting, ProviderKind
from gateway.policy.basis import basis_for, left_out
from gateway.policy.catalogue import Catalogue
from gateway.policy.counts import counting
from gateway.registry import providers
from gateway.registry.deliveries import Delivery
from gateway.registry.markers import NOBODY, kept_apart
from gateway.registry.transfers import contents_of, reasons_of


@dataclass(frozen=True, slots=True)
class Showing:
    """What is shown by the policies in force, which `catalogue` gives.

    `seed` gives the secret from which the counts of the content of a digest are rounded.
    """

    catalogue: Callable[[], Catalogue]
    seed: Callable[[str], str]

    def with_apart(self, session: Session, deliveries: Sequence[Delivery], person: str) -> list[Delivery]:
        """The same, with the markers of the children whose records are left out of them for a person."""
        views = [each.sequence for each in deliveries if not each.whole and not each.counts]
        found = kept_apart(session, views, person)
        return [replace(one, apart=found.get(one.sequence, NOBODY).numbers) for one in deliveries]

    def order(self, session: Session, delivery: Delivery, person: str) -> FileOrder:
        """What is to be opened of a delivery for one of its team. Fault where nothing can be told of it."""
        content = self._contents(session, [delivery]).get(delivery.sequence)
        if delivery.counts or self._has_counts_alone(delivery.team):
            return FileOrder(delivery.reference, self._counting(delivery, content), delivery)
        if delivery.team is None or delivery.whole or content is None:
            return FileOrder(delivery.reference, None, delivery)
        apart = kept_apart(session, [delivery.sequence], person).get(delivery.sequence, NOBODY)
        kind = self._kinds(session, [delivery])[delivery.provider]
        basis, shown = self._basis(delivery, content, kind), replace(delivery, apart=apart.numbers)
        return FileOrder(delivery.reference, basis, shown, apart.persons)

    def abouts(self, session: Session, deliveries: Sequence[Delivery], person: str) -> dict[int, bytes]:
        """What is told beside files, by a delivery's sequence: what a view leaves out, or why it waits."""
        contents = self._contents(session, [each for each in deliveries if not each.whole])
        kinds = self._kinds(session, deliveries) if contents else {}
        apart = kept_apart(session, list(contents), person)
        waiting = {each.sequence: each for each in deliveries if each.team is None}
        reasons = reasons_of(session, list(waiting)) if waiting else {}
        found = {number: held_text(waiting[number], why) for number, why in reasons.items()}
        for delivery in deliveries:
            content = contents.get(delivery.sequence)
            if content is None:
                continue
            kind, kept = kinds[delivery.provider], delivery.sequence in apart
            if text := self._about(delivery, content, kind, apart=kept):
                found[delivery.sequence] = text
        return found

    def _about(self, delivery: Delivery, content: Classified, sender: ProviderKind, *, apart: bool) -> bytes:
        catalogue = self.catalogue()
        if delivery.counts:
            return about_counts(delivery, catalogue)
        lacking = left_out(content, self._basis(delivery, content, sender))
        if not lacking and not content.unlisted and not apart:
            return b""
        return about_text(delivery, lacking, content.unlisted, catalogue, apart=apart)

    def _basis(self, delivery: Delivery, content: Classified, sender: ProviderKind) -> Basis:
        data_type = delivery.data_type or content.data_type
        return basis_for(delivery.team or "", data_type, self.catalogue(), sender, content.unlisted)

    def _has_counts_alone(self, team: str | None) -> bool:
        """Whether a team never sees a record of a pupil, whatever it was sent."""
        found = self.catalogue().team(team) if team is not None else None
        return found is not None and not found.pupil_level

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

    def _contents(self, session: Session, deliveries: Sequence[Delivery]) -> dict[int, Classified]:
        found = contents_of(session, [each.sequence for each in deliveries])
        return {number: each for number, each in found.items() if isinstance(each, Classified)}

    def _kinds(self, session: Session, deliveries: Sequence[Delivery]) -> dict[str, ProviderKind]:
        return providers.kinds_of(session, {each.provider for each in deliveries})
