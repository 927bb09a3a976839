"""Take a file back from mailboxes, or ask those who may."""

from __future__ import annotations

from typing import ClassVar

from gateway.access import AccessRight
from gateway.acts.act import Act, ActContext, ActDone, Reference, Why, argument
from gateway.errors import GatewayError, NotFoundError
from gateway.mailboxes.console_api.boxes import OwnMailboxes
from gateway.mailboxes.console_api.context import MayNotError
from gateway.record import delivered
from gateway.record.dual_control import COUNTS
from gateway.registry import log


class RecallFile(Act, command="recall", right=AccessRight.PERSON):
    """Recall a file from every mailbox; a person without the right to recall asks those with the right."""

    of_any_file: ClassVar = True  # Whoever may not recall any file recalls one of the own mailboxes.

    reference: Reference = argument("The file, as its receipt names it.", metavar="REF")
    why: Why

    def carry_out(self, context: ActContext) -> ActDone:
        """Recall the file, or put the request on record, once a person.

        MayNotError for a file in none of the person's mailboxes, unless the person may recall any.
        """
        if not isinstance(own := context.mailboxes, OwnMailboxes):
            raise NotFoundError("the mailboxes are not here")
        said = f"{self.reference} is out of every mailbox. A second person decides whether it comes back."
        if AccessRight.RECALL in own.caller.may:
            with context.open_registrar() as registrar:
                delivered.withdraw(registrar, self.reference, by=context.person, why=self.why)
            return ActDone(said)
        if not own.have(self.reference):
            raise MayNotError("That file is in none of your mailboxes.")
        with context.recording() as record:
            asked = log.events(record.session, self.reference, kind="act-proposed")
            if any(event.at > record.at - COUNTS and event.actor == record.by for event in asked):
                raise GatewayError("You have asked for that already.")
            record.note("act-proposed", self.reference, {"what": "recall"}, self.why)
        return ActDone(f"That {self.reference} be recalled is asked for: whoever may do it sees it.")
