"""Participants of the demo and their uploads."""

from dataclasses import dataclass
from pathlib import Path
from random import Random

from gateway.homes.demo.parties import Party
from gateway.homes.demo.stage import Stage
from gateway.samples import MARKER, School, make, school

MARK = MARKER.encode()


class Pupilled(Party):
    """A school of the demo with keys and invented pupils."""

    def __init__(self, name: str, folder: Path, school: School) -> None:
        super().__init__(name, folder)
        self.school = school


@dataclass(frozen=True, slots=True)
class Cast:
    """The two schools and two members of staff enrolled for the demo."""

    oak: Pupilled
    elm: Pupilled
    jane: Party
    sam: Party


@dataclass(frozen=True, slots=True)
class Sent:
    """Upload of the demo: sender, file name, remark and content."""

    sender: Pupilled
    name: str
    remark: str
    data: bytes


def enrol(stage: Stage, folder: Path) -> Cast:
    """Enrol the demo's schools and staff with fresh keys; one school, Oak, has ratified the agreement."""
    rng = Random(9)  # noqa: S311 - invented pupils, not secrets
    oak = Pupilled("oak", folder / "oak", school(rng, 0))
    elm = Pupilled("elm", folder / "elm", school(rng, 1))
    for one, name in ((oak, "Oak Primary School"), (elm, "Elm Academy")):
        kind = "school" if one is oak else "academy"
        stage.done(
            "providers", "add", one.name, "--name", name, "--kind", kind,
            "--dfe-number", one.school.dfe_number,
            "--ssh-key", str(one.ssh_public), "--openpgp-key", str(one.certificate),
        )  # fmt: skip
        stage.confirm(one.name)
    stage.done("agreement", "ratify", "oak", "--signatory", "The Headteacher")
    jane = _staff(stage, folder, "jane", "central-data-team")
    sam = _staff(stage, folder, "sam", "education-welfare")
    return Cast(oak, elm, jane, sam)


def uploads(cast: Cast, certificate: str) -> list[Sent]:
    """Return the uploads: good files, and common mistakes."""
    oak, elm = cast.oak, cast.elm
    core = _sample(oak, "student-core", "ctf-full")
    census = _sample(oak, "school-census", "xml-summer")
    marks = _sample(oak, "attendance", "csv-weekly")
    sealed = oak.seal(census, certificate)
    return [
        Sent(oak, "core data.xml.pgp", "signed and encrypted", oak.seal(core, certificate)),
        Sent(oak, "summer census.xml.pgp", "signed and encrypted", sealed),
        Sent(oak, "holiday-photos.zip.pgp", "an attendance file under a misleading name",
             oak.seal(marks, certificate)),
        Sent(oak, "core again.xml.pgp", "signed by Elm, sent by Oak", elm.seal(core, certificate)),
        Sent(oak, "core.xml", "not encrypted at all", core),
        Sent(oak, "census.xml.pgp", "cut off in the middle", sealed[: len(sealed) // 2]),
        Sent(elm, "core.xml.pgp", "good, but Elm has not ratified the agreement",
             elm.seal(_sample(elm, "student-core", "ctf-full"), certificate)),
    ]  # fmt: skip


def _staff(stage: Stage, folder: Path, name: str, team: str) -> Party:
    party = Party(name, folder / name)
    stage.done("staff", "add", name, "--team", team, "--ssh-key", str(party.ssh_public))
    return party


def _sample(of: Pupilled, data_type: str, variant: str) -> bytes:
    rng = Random(of.school.dfe_number)  # noqa: S311 - invented pupils, not secrets
    return make(data_type, variant, rng=rng, school=of.school, pupils=25)
