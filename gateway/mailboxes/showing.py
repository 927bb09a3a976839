"""What a team is shown of its deliveries: the file as it was sent, or its view, and what is told of that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from gateway.mailboxes.about import about_text, held_text
from gateway.model import Basis, Classified, ProviderKind
from gateway.policy.basis import basis_for, left_out
from gateway.policy.catalogue import Catalogue
from gateway.registry import providers
from gateway.registry.deliveries import Delivery, contents_of, reasons_of


@dataclass(frozen=True, slots=True)
class Showing:
    """What is shown by the policies in force, which `catalogue` gives."""

    catalogue: Callable[[], Catalogue]

    def basis(self, session: Session, delivery: Delivery) -> Basis | None:
        """What the team may have of a delivery; None for the whole file, as it was sent."""
        content = self._contents(session, [delivery]).get(delivery.sequence)
        if delivery.team is None or delivery.whole or content is None:
            return None
        return self._basis(delivery, content, self._kinds(session, [delivery])[delivery.provider])

    def abouts(self, session: Session, deliveries: Sequence[Delivery]) -> dict[int, bytes]:
        """What is told beside files, by a delivery's sequence: what a view leaves out, or why it waits."""
        contents = self._contents(session, [each for each in deliveries if not each.whole])
        kinds = self._kinds(session, deliveries) if contents else {}
        waiting = {each.sequence: each for each in deliveries if each.team is None}
        reasons = reasons_of(session, list(waiting)) if waiting else {}
        found = {number: held_text(waiting[number], why) for number, why in reasons.items()}
        for delivery in deliveries:
            content = contents.get(delivery.sequence)
            if content is not None and (text := self._about(delivery, content, kinds[delivery.provider])):
                found[delivery.sequence] = text
        return found

    def _about(self, delivery: Delivery, content: Classified, sender: ProviderKind) -> bytes:
        lacking = left_out(content, self._basis(delivery, content, sender))
        if not lacking and not content.unlisted:
            return b""
        return about_text(delivery, lacking, content.unlisted, self.catalogue())

    def _basis(self, delivery: Delivery, content: Classified, sender: ProviderKind) -> Basis:
        data_type = delivery.data_type or content.data_type
        return basis_for(delivery.team or "", data_type, self.catalogue(), sender, content.unlisted)

    def _contents(self, session: Session, deliveries: Sequence[Delivery]) -> dict[int, Classified]:
        found = contents_of(session, [each.sequence for each in deliveries])
        return {number: each for number, each in found.items() if isinstance(each, Classified)}

    def _kinds(self, session: Session, deliveries: Sequence[Delivery]) -> dict[str, ProviderKind]:
        return providers.kinds_of(session, {each.provider for each in deliveries})
