"""A school joins over SFTP: it ratifies by itself, its file goes on, and finds what concerns it."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pysequoia
import pytest

from gateway.homes.demo.parties import Party
from gateway.samples import make
from tests.content import core_data
from tests.site import Running, Site
from tests.waiting import until

pytestmark = pytest.mark.long

ABOUT = "9994001"


@pytest.mark.needs("gpg")
def test_a_school_joins_and_finds_what_concerns_it(site: Site, gnupg: Path) -> None:
    oak = site.provider("oak", ratified=False, dfe_number=None)
    elm, ash = site.provider("elm"), site.provider("ash", dfe_number=ABOUT)
    fft = site.provider("fft", kind="fft")
    with site.running() as services:
        oak.put(services.intake, "/in/core.xml.pgp", oak.seal(of_no_enrolled_school(), site.certificate))
        elm.put(services.intake, "/in/core.xml.pgp", elm.seal(of_no_enrolled_school(), site.certificate))
        estimates = make("fft-aspire", "csv-estimates", rng=random.Random(1), pupils=5)
        fft.put(services.intake, "/in/estimates.csv.pgp", fft.seal(estimates, site.certificate))
        states = {transfer["provider"]: transfer["state"] for transfer in site.await_decided(3)}
        assert states == {"oak": "held", "elm": "accepted", "fft": "accepted"}
        signed = signed_with_gpg(oak, oak.get(services.intake, "/agreement/agreement.txt"), gnupg)
        oak.put(services.intake, "/agreement/agreement.txt.asc", signed)
        accepted = until(lambda: three_more(site), "the release of what waited")
        assert {transfer["folder"] for transfer in accepted} == {"in", "agreement"}
        told = b"has ratified the data sharing agreement for"
        until(lambda: says(oak, services, "agreement.txt.asc.", told), "the receipt")
        for school in (oak, elm):
            told = b"is of a pupil who is also on the roll of another school."
            until(lambda school=school, told=told: says(school, services, "NOTICE.", told), "the notice")
        copy = until(lambda: named(ash, services, "/out", "fft-aspire_"), "the copy")
        assert named(oak, services, "/out", "fft-aspire_") is None
    gateway = pysequoia.Cert.from_bytes(site.certificate.encode())
    opened = pysequoia.decrypt(bytes=copy, decryptor=ash.openpgp.decryptor(), store=lambda _: [gateway])
    assert (opened.bytes, len(opened.valid_sigs)) == (estimates, 1)
    assert "everything fits" in site.gateway("log", "verify")


def test_several_schools_are_put_on_record_as_ratified_at_once_and_what_waited_for_that_goes_on(
    site: Site,
) -> None:
    oak, elm = (site.provider(name, ratified=False) for name in ("oak", "elm"))
    with site.running() as services:
        for number, party in enumerate((oak, elm)):
            content = core_data(number)
            party.put(services.intake, "core.xml.pgp", party.seal(content, site.certificate))
        oak.put(services.intake, "odd.pgp", oak.seal(b"nobody knows\n" * 9, site.certificate))
        odd, *waiting = sorted(site.await_decided(3), key=lambda one: one["data_type"] or "")
        assert [one["state"] for one in (odd, *waiting)] == ["held"] * 3
        references = [one["reference"] for one in waiting]
        signed = ("--signatory", "The Head")
        told = site.refused("held", "ratify-many", *references, odd["reference"], *signed)
        assert "waits for no ratification" in told
        assert site.transfers("--state", "accepted") == []
        said = site.gateway("held", "ratify-many", *references, *signed)
    assert said.count("has ratified the agreement") == 2
    assert {one["reference"] for one in site.transfers("--state", "accepted")} == set(references)
    assert {one["signatory"] for one in site.json("agreement", "status")} == {"The Head"}


def of_no_enrolled_school() -> bytes:
    """The same pupils, from a school whose number is on no record: they are on its sender's roll."""
    return core_data().replace(b"<Estab>4001", b"<Estab>4777").replace(b"<URN>990001", b"<URN>990777")


def signed_with_gpg(party: Party, text: bytes, gnupg: Path) -> bytes:
    """What `gpg --clearsign agreement.txt` makes of it, as the guide says."""
    (gnupg / "secret.asc").write_text(str(party.openpgp))
    (gnupg / "agreement.txt").write_bytes(text)
    gpg = ["gpg", "--homedir", str(gnupg), "--batch", "--pinentry-mode", "loopback", "--passphrase", ""]
    subprocess.run([*gpg, "--import", str(gnupg / "secret.asc")], check=True, capture_output=True)
    subprocess.run([*gpg, "--clearsign", str(gnupg / "agreement.txt")], check=True, capture_output=True)
    return (gnupg / "agreement.txt.asc").read_bytes()


def three_more(site: Site) -> list[dict[str, object]] | None:
    """All accepted transfers, once those of elm and fft, the agreement and what waited for it are."""
    accepted = site.transfers("--state", "accepted")
    return accepted if len(accepted) == 4 else None


def says(party: Party, services: Running, start: str, words: bytes) -> bool:
    """Whether the text in /receipts whose name begins so says this."""
    text = named(party, services, "/receipts", start)
    return text is not None and words in b" ".join(text.split())


def named(party: Party, services: Running, folder: str, start: str) -> bytes | None:
    """The text or copy in a folder whose name begins so, if it is there."""
    with party.sftp(services.intake) as session:
        names = [
            name
            for name in session.listdir(folder)
            if name.startswith(start) and name.endswith((".txt", ".pgp"))
        ]
    return party.get(services.intake, f"{folder}/{names[0]}") if names else None
