"""The act that lists sensitive headings: columns and elements shown to no team (agreement, 10.5)."""

from datetime import timedelta
from typing import ClassVar

from gateway.access import AccessRight
from gateway.acts.act import ActContext
from gateway.acts.fields import option
from gateway.acts.listing import ProviderListing, Row
from gateway.model import Classified
from gateway.policy.items import sensitive_headings
from gateway.registry import transfers


class ListSensitive(ProviderListing, command="sensitive list", right=AccessRight.PROTECT):
    """List the sensitive headings received, by provider and file: heading, topic and count, no value.

    The count is the number of records with a value under the heading. A heading made of unknown words is not
    repeated: its place in the file is given. A data item is named by its label, without a count.
    """

    columns: ClassVar = ("provider", "reference", "heading", "topic", "records")
    personal_columns: ClassVar = ("heading",)
    empty: ClassVar = "nothing sensitive came"

    days: int = option("Files that landed within so many days.", 30, ge=1, le=3650)

    def rows(self, context: ActContext) -> list[Row]:
        """Return a row for each sensitive heading of each file, latest first."""
        catalogue = context.catalogue
        since = context.clock() - timedelta(days=self.days)
        with context.reading() as session:
            self.check_provider(session)
            return [
                {"provider": provider, "reference": reference, "heading": heading, "topic": topic,
                 "records": records}
                for provider, reference, content in transfers.contents_since(session, since, self.provider)
                for part in (content.parts if not isinstance(content, Classified) else (content,))
                if isinstance(part, Classified)
                for heading, topic, records in sensitive_headings(part, catalogue)
            ]  # fmt: skip
