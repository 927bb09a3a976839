"""Acts on the deletion of data when its time is over: plan deletions, and print their certificates."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, time
from typing import Any

from gateway.access import AccessRight
from gateway.acts.act import ActContext, ActDetails, ActDone, ActListing, ReadingAct
from gateway.acts.fields import argument, option
from gateway.model import counted
from gateway.policy.dates import moment
from gateway.registry import holds, markers, retention
from gateway.registry.sight import check_all_seen
from gateway.reports.retention import Due, load_retention


class PlanDeletions(ReadingAct, command="retention plan", right=AccessRight.LOOK):
    """Show the deletions due, files on legal hold, and files waiting for a decision. Deletes nothing."""

    on: date | None = option("As at the end of this day; now if not given.", None)

    def known_by(self, context: ActContext) -> str:
        """Return the numbers of holds and markers in force: a cached plan is made again once one changes."""
        with context.reading() as session:
            on = holds.list_holds(session), markers.list_markers(session)
            return ";".join(",".join(str(each.number) for each in some) for some in on)

    def carry_out(self, context: ActContext) -> ActDetails:
        """Return the deletions due on the given day, by what is on record now."""
        zone = context.catalogue.calendar.timezone
        at = moment(self.on, time.max, zone) if self.on else context.clock()
        with context.reading() as session:
            found, on_hold = retention.plan_at(session, load_retention(context.home), at)
            undecided = retention.undecided(session)
        due = [_row(one) for one in found]
        closing = []
        if on_hold:
            closing.append(f"would be due, and kept by a legal hold or a restriction: {len(on_hold)} more")
        if undecided:
            closing.append(f"not decided, and so kept: {counted(len(undecided), 'transfer')}")
        columns = ("reference", "what", "data_type", "rule", "due_since")
        return ActDetails(
            heading="",
            values={
                "due": due,
                "on_hold": [_row(one) for one in on_hold],
                "undecided": sorted(undecided),
            },
            parts=(ActListing(due, columns, empty="nothing is due"),),
            closing=tuple(closing),
        )


class ShowCertificate(ReadingAct, command="retention certificate", right=AccessRight.LOOK):
    """Print a signed certificate of deletion."""

    number: int | None = argument("Which one; the latest if not given.", None)

    def carry_out(self, context: ActContext) -> ActDone:
        """Return the certificate. GatewayError if it names a file outside the person's sight."""
        with context.reading() as session:
            text = retention.certificate(session, self.number)
            check_all_seen(session, context.sight(session), text)
        return ActDone(document=text)


def _row(due: Due) -> dict[str, Any]:
    row = asdict(due)
    return row | {"due_since": row.pop("since")}
