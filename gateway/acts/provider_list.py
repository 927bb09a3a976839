"""Many providers at once: from a list, such as the public extract of GIAS, the DfE's register of schools."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

from gateway.access import AccessRight
from gateway.acts.act import (
    Act,
    ActContext,
    ActDetails,
    ActListing,
    Area,
    Confirmation,
    GivenFile,
    argument,
    option,
)
from gateway.acts.providers import judged_key
from gateway.errors import GatewayError
from gateway.model import NewKey, counted
from gateway.policy.small_schemas import BodiesFile
from gateway.record.enroller import AS_BEFORE, Enroller, ListTakenIn, TakenIn, TriedError, take_in

AREA = Area.SCHOOLS


class ImportProviders(Act):
    """Enrol the providers in a CSV file, or update those on record. All or nothing.

    Takes the columns of GIAS, the DfE's register of schools, unchanged.
    """

    command: ClassVar = "providers import"
    by_program: ClassVar = True
    right: ClassVar = AccessRight.ENROL

    file: GivenFile = argument("A CSV file whose first line names columns.", metavar="FILE")
    dry_run: bool = option("Only say what would be done.", default=False)

    def confirms(self) -> Confirmation:
        """Ask for nothing where nothing is put on record."""
        return Confirmation.NOTHING if self.dry_run else Confirmation.PASSKEY

    def carry_out(self, context: ActContext) -> ActDetails:
        """Take the list in; of a dry run, nothing stays."""
        taken: ListTakenIn | None = None
        try:
            with context.recording(access=True) as record:
                bodies = record.registrar.catalogue.bodies
                enroller = Enroller(session=record.session, by=record.by, at=record.at)
                folder = self.file.folder

                def judged(file: Path) -> NewKey:
                    if folder is None:
                        raise GatewayError("it names a key file: leave that column out, and add keys by hand")
                    return judged_key(record, GivenFile.read(file).content)

                taken = take_in(enroller, self.file.content, bodies, folder or Path(), judged)
                if self.dry_run:
                    raise TriedError  # noqa: TRY301 - the transaction is given up by leaving it
        except TriedError:
            pass
        if taken is None:
            raise GatewayError("the list could not be tried")
        return self._told(taken, bodies)

    def _told(self, taken: ListTakenIn, bodies: BodiesFile) -> ActDetails:
        rows = [_row(one) for one in taken.lines]
        counts = Counter(str(row["what"]).partition(":")[0] for row in rows)
        done = ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
        closing = [f"{'would be' if self.dry_run else 'done'}: {done or 'nothing'}"]
        for why, count in sorted(Counter(why for _, why in taken.read.passed_over).items()):
            closing.append(f"passed over: {counted(count, 'line')} ({why})")
        without = sum(not row["dfe_number"] for row in rows if bodies.of(row["kind"]).own_pupils)
        if without:
            closing.append(
                f"without a DfE number: {without}; a file that names another school is not noticed"
            )
        if added := sum(row["keys"] for row in rows):
            ring = "ring each provider, then gateway keys confirm ID FPR"
            closing.append(f"{counted(added, 'key')} to be confirmed: {ring}")
        columns = ("line", "id", "name", "kind", "dfe_number", "urn", "keys", "what")
        changed = [row for row in rows if row["what"] != AS_BEFORE or row["keys"]]
        tried = (ActListing(changed, columns, empty="all of it is on record so already"),)
        return ActDetails("", rows, parts=tried if self.dry_run else (), closing=tuple(closing))


def _row(one: TakenIn) -> dict[str, Any]:
    listed = one.listed
    return {
        "line": listed.line,
        "id": listed.id,
        "name": listed.name,
        "kind": listed.kind,
        "dfe_number": listed.dfe_number,
        "urn": listed.urn,
        "keys": one.keys,
        "what": one.what,
    }
