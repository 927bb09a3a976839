"""Compare two versions of the agreement, so that every provider can be told of the changes."""

from dataclasses import dataclass

from gateway.policy.catalogue import Catalogue


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementChanges:
    """The changes in an agreement: text, versions before and after, and items of Appendix A."""

    text: bool
    before: str
    after: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def points(self) -> tuple[str, ...]:
        """Return each change as a sentence."""
        versions = f" (version {self.before})" if self.before != self.after else ""
        said = [
            f"The text is a new one, version {self.after}; it takes the place of the one before{versions}."
        ]
        return (
            *(said if self.text else ()),
            *(f"Added to the data items of Appendix A: {item}." for item in self.added),
            *(f"No longer among the data items of Appendix A: {item}." for item in self.removed),
        )


def changes_between(before: Catalogue, after: Catalogue) -> AgreementChanges | None:
    """Return the changes in the text and in Appendix A; None without any."""
    added = tuple(item for item in after.appendix_a if item not in before.appendix_a)
    removed = tuple(item for item in before.appendix_a if item not in after.appendix_a)
    text = before.text_sha256 != after.text_sha256
    if not (text or added or removed):
        return None
    return AgreementChanges(
        text=text,
        before=before.agreement.version,
        after=after.agreement.version,
        added=added,
        removed=removed,
    )
