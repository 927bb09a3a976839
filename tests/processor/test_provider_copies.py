"""Rows 10 and 11: a school gets its own copy of a file that is about it, and nobody else does."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pysequoia
import pytest
from sqlmodel import Session

from gateway.errors import Fault
from gateway.examiner.parent import Examiner
from gateway.home.settings import HostSettings
from gateway.homes.demo.parties import Party
from gateway.openpgp.envelope import recipients_of
from gateway.processor import provider_copies
from gateway.processor.claim import SideJobs
from gateway.processor.provider_copies import Copier
from gateway.processor.rounds import Rounds
from gateway.publish.everything import take_back_copies
from gateway.record.reconsider import give_copies
from gateway.record.registrar import Registrar
from gateway.registry import copies
from gateway.registry.copies import Copy
from gateway.registry.tables import CopyRow, ReasonRow
from gateway.registry.tables.row import rows
from gateway.samples import MARKER, make
from tests.clock import THIS_YEAR
from tests.commands import invoke
from tests.costs import statements
from tests.looking import in_the_clear
from tests.openpgp.gnupg import Gnupg
from tests.school import School
from tests.workshop import Desk

YEARS = THIS_YEAR
# The school that the samples are about.
ABOUT = "9994001"
CHILD = ("--upn", "L999400114001", "--surname", "van der Probe", "--forename", "Mia", "--born", "2010-07-01")


def estimates(seed: int = 1) -> bytes:
    return make("fft-aspire", "csv-estimates", rng=random.Random(seed), pupils=5)


def out(desk: Desk, provider: str) -> list[Path]:
    folder = desk.home.published.provider(provider) / "out"
    return sorted(path for path in folder.glob("*") if not path.name.startswith("."))


def opened(party: Party, sealed: bytes, signer: str) -> bytes:
    """What a school gets from its copy; fails unless the gateway signed it."""
    gateway = pysequoia.Cert.from_bytes(signer.encode())
    found = pysequoia.decrypt(bytes=sealed, decryptor=party.openpgp.decryptor(), store=lambda _: [gateway])
    assert len(found.valid_sigs) == 1
    assert found.bytes is not None
    return found.bytes


def give_oak_a_copy(desk: Desk) -> str:
    """Send a file of fft about oak, and let oak have its copy; return the reference of the file."""
    fft = desk.provider("fft", "fft")
    desk.provider("oak", years=YEARS, dfe_number=ABOUT)
    sent = desk.send(fft, estimates())
    desk.process()
    return sent


def test_a_school_gets_a_sealed_copy_of_what_is_about_it(desk: Desk) -> None:
    fft = desk.provider("fft", "fft")
    oak = desk.provider("oak", years=YEARS, dfe_number=ABOUT)
    desk.provider("elm", years=YEARS, dfe_number="9994002")
    sent = desk.send(fft, estimates())
    desk.process()
    assert desk.state(sent) == "accepted"
    (copy,) = out(desk, "oak")
    assert copy.name == f"fft-aspire_{desk.now:%Y-%m-%d}_{sent}.csv.pgp"
    assert opened(oak, copy.read_bytes(), desk.certificate) == estimates()
    assert out(desk, "elm") == out(desk, "fft") == []
    assert desk.kinds(sent).count("delivered") == len(desk.transfer(sent).teams) + 1


def test_a_subject_access_report_names_the_school_that_got_a_copy_also_of_what_was_taken_back(
    desk: Desk,
) -> None:
    fft = desk.provider("fft", "fft")
    desk.provider("oak", years=YEARS, dfe_number=ABOUT)
    child = next(csv.DictReader(io.StringIO(estimates().decode("utf-8-sig"))))
    sent = desk.send(fft, estimates())
    desk.process()
    assert out(desk, "oak")
    for _ in range(2):
        said = " ".join(desk.gateway("pupils", "report", "--upn", child["UPN"]).split())
        assert f"{sent}: a copy was given to The oak" in said, said
        if desk.state(sent) == "accepted":
            desk.gateway("transfers", "withdraw", sent, "--why", "wrong estimates")
    assert out(desk, "oak") == []


def test_a_subject_access_report_names_no_school_whose_copy_waits_for_a_marker_to_be_off(desk: Desk) -> None:
    fft = desk.provider("fft", "fft")
    desk.provider("oak", years=YEARS, dfe_number=ABOUT)
    child = next(csv.DictReader(io.StringIO(estimates().decode("utf-8-sig"))))
    desk.gateway("pupils", "restrict", *CHILD, "--why", "accuracy is contested")
    desk.send(fft, estimates())
    desk.process()
    report = ("pupils", "report", "--upn", child["UPN"])
    assert "a copy was given" not in " ".join(desk.gateway(*report).split())
    desk.gateway("pupils", "unmark", "1", "--why", "settled")
    desk.process()
    assert "a copy was given to The oak" in " ".join(desk.gateway(*report).split())


def test_a_subject_access_report_names_the_school_whose_copy_waits_since_its_file_was_given_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    fft = desk.provider("fft", "fft")
    desk.provider("oak", years=YEARS, dfe_number=ABOUT)
    child = next(csv.DictReader(io.StringIO(estimates().decode("utf-8-sig"))))
    sent = desk.send(fft, estimates())
    desk.process()
    assert out(desk, "oak")
    for act, person in (("withdraw", "jane"), ("redeliver", "sam")):
        monkeypatch.setenv("GATEWAY_ADMIN", person)
        desk.gateway("transfers", act, sent, "--why", "looked into")
    desk.gateway("pupils", "restrict", *CHILD, "--why", "accuracy is contested")
    desk.process()
    assert out(desk, "oak") == []
    said = " ".join(desk.gateway("pupils", "report", "--upn", child["UPN"]).split())
    assert f"{sent}: a copy was given to The oak" in said, said


def test_no_content_is_written_down(desk: Desk) -> None:
    fft = desk.provider("fft", "fft")
    desk.provider("oak", years=YEARS, dfe_number=ABOUT)
    desk.send(fft, estimates())
    assert MARKER.encode() in estimates()
    desk.process()
    assert out(desk, "oak")
    assert in_the_clear(desk.home.root) == []


def test_a_copy_that_is_missing_is_made_again_at_the_start_and_no_other(desk: Desk) -> None:
    fft = desk.provider("fft", "fft")
    oak = desk.provider("oak", years=YEARS, dfe_number=ABOUT)
    desk.send(fft, estimates(1), "first.csv.pgp")
    desk.process()
    desk.send(fft, estimates(2), "second.csv.pgp")
    desk.process()
    before = {path: path.read_bytes() for path in out(desk, "oak")}
    gone, kept = before
    gone.unlink()
    desk.process()
    assert opened(oak, gone.read_bytes(), desk.certificate) in {estimates(1), estimates(2)}
    assert kept.read_bytes() == before[kept]
    assert out(desk, "oak") == [*before]


def test_a_copy_that_a_power_cut_emptied_is_made_again_at_the_start(desk: Desk) -> None:
    fft = desk.provider("fft", "fft")
    oak = desk.provider("oak", years=YEARS, dfe_number=ABOUT)
    desk.send(fft, estimates())
    desk.process()
    (copy,) = out(desk, "oak")
    copy.write_bytes(b"")
    desk.process()
    assert opened(oak, copy.read_bytes(), desk.certificate) == estimates()


def test_a_child_that_is_marked_while_a_copy_is_made_is_in_no_copy(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    fft = desk.provider("fft", "fft")
    oak = desk.provider("oak", years=YEARS, dfe_number=ABOUT)
    child = next(csv.DictReader(io.StringIO(estimates().decode("utf-8-sig"))))
    born = "2010-07-02"
    asked = ("--upn", child["UPN"], "--surname", child["Surname"], "--forename", child["Forename"])
    seal = Examiner.seal_copy

    def marked(*given: Any) -> Any:
        sealed = seal(*given)
        desk.gateway("pupils", "restrict", *asked, "--born", born, "--why", "contested")
        return sealed

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(Examiner, "seal_copy", marked)
        desk.send(fft, estimates())
        desk.process()
    assert out(desk, "oak") == []
    desk.process()
    assert out(desk, "oak") == []
    desk.gateway("pupils", "unmark", "1", "--why", "settled")
    desk.process()
    (copy,) = out(desk, "oak")
    assert opened(oak, copy.read_bytes(), desk.certificate) == estimates()


def test_who_cannot_be_encrypted_to_gets_the_copy_once_it_can(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    fft = desk.provider("fft", "fft")
    oak = desk.provider("oak", years=YEARS, dfe_number=ABOUT)
    desk.gateway("keys", "retire", "oak", oak.openpgp.extract_certificate().fingerprint)
    sent = desk.send(fft, estimates())
    desk.process()
    assert desk.state(sent) == "accepted"
    assert out(desk, "oak") == []
    assert "has no OpenPGP key in force that can be encrypted to" in caplog.text
    new = Party("oak", desk.root / "new")
    desk.gateway("keys", "add", "oak", str(new.certificate))
    desk.gateway("keys", "confirm", "oak", str(new.openpgp.extract_certificate().fingerprint))
    desk.process()
    (copy,) = out(desk, "oak")
    assert opened(new, copy.read_bytes(), desk.certificate) == estimates()


def test_a_copy_cut_off_halfway_is_made_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    fft = desk.provider("fft", "fft")
    desk.provider("oak", years=YEARS, dfe_number=ABOUT)
    sent = desk.send(fft, estimates())
    with monkeypatch.context() as broken:
        broken.setattr(Examiner, "seal_copy", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt("killed")))
        desk.process()
    assert (desk.state(sent), out(desk, "oak")) == ("accepted", [])
    desk.process()
    assert len(out(desk, "oak")) == 1
    assert desk.kinds(sent).count("decided") == 1


def test_a_copy_that_cannot_be_made_holds_up_no_other(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    fft = desk.provider("fft", "fft")
    for name, number in (("oak", ABOUT), ("elm", "9994002")):
        desk.provider(name, years=YEARS, dfe_number=number)
    desk.send(fft, of_many(ABOUT, "9994002"))
    with monkeypatch.context() as idle:
        idle.setattr(Copier, "hand_out", lambda *_, **__: None)
        desk.process()
    tried: list[str] = []

    def fails(_: Copier, __: Registrar, copy: Copy) -> None:
        tried.append(copy.provider)
        raise Fault("not now")

    monkeypatch.setattr(Copier, "_bring_out", fails)
    copier = Copier(desk.home, desk.children.lent(desk.home), SideJobs(60, lambda job: job(), lambda: None))
    with desk.registrar() as registrar:
        for _ in range(2):
            copier.hand_out(registrar)
    assert sorted(tried) == ["elm", "oak"]


def test_it_is_busy_while_a_copy_is_being_made_and_while_one_waits_for_a_free_thread(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    fft = desk.provider("fft", "fft")
    desk.provider("oak", years=YEARS, dfe_number=ABOUT)
    desk.send(fft, estimates())
    with monkeypatch.context() as idle:
        idle.setattr(Copier, "hand_out", lambda *_, **__: None)
        desk.process()
    begun: list[Any] = []
    copier = Copier(desk.home, desk.children.lent(desk.home), SideJobs(60, begun.append, lambda: None))
    told = [copier.busy]
    with desk.registrar() as registrar:
        for at_once in (0, 1):
            monkeypatch.setattr(provider_copies, "_AT_ONCE", at_once)
            copier.hand_out(registrar)
            told.append(copier.busy)
    begun.pop()()
    assert [*told, copier.busy, begun] == [False, True, True, False, []]


def of_many(*schools: str) -> bytes:
    """Estimates of pupils of each of these schools in one table, and of some whose school nobody tells."""
    (header, *rows) = estimates().decode("utf-8-sig").splitlines()
    made = [row.replace(f",{ABOUT},", f",{school},") for school in (*schools, "") for row in rows]
    return "\r\n".join([f"{header},Zzyzx", *(f"{row},secret" for row in made), ""]).encode()


def rows_of(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def test_a_file_about_many_schools_is_divided_and_each_gets_its_own_pupils(desk: Desk) -> None:
    fft = desk.provider("fft", "fft")
    numbers = {"oak": ABOUT, "elm": "9994002"}
    own = {name: desk.provider(name, years=YEARS, dfe_number=number) for name, number in numbers.items()}
    desk.provider("fir", years=YEARS, dfe_number="9994003")
    sent = desk.send(fft, of_many(*numbers.values(), "9994009"))
    desk.process()
    assert desk.state(sent) == "accepted", desk.codes(sent)
    for name, number in numbers.items():
        (copy,) = out(desk, name)
        rows = rows_of(opened(own[name], copy.read_bytes(), desk.certificate))
        assert {row["DfE number"] for row in rows} == {number}
        assert len(rows) == 5
        assert "Zzyzx" not in rows[0]
    assert out(desk, "fir") == []
    delivered = [json.loads(event.leaf)["fields"] for event in desk.events(sent) if event.kind == "delivered"]
    assert {fields["provider"] for fields in delivered if "team" not in fields} == {"oak", "elm"}
    assert in_the_clear(desk.home.root) == []
    desk.gateway("log", "verify")


def test_a_file_of_an_education_provider_or_of_another_row_is_never_divided(desk: Desk) -> None:
    dfe = desk.provider("dfe", "dfe")
    desk.provider("oak", years=YEARS, dfe_number=ABOUT)
    rows = make("ks4", "csv", rng=random.Random(1), pupils=4)
    sent = desk.send(dfe, rows)
    desk.process()
    assert desk.state(sent) == "accepted", desk.codes(sent)
    assert out(desk, "oak") == []


def test_a_workbook_is_divided_too_and_is_made_again_when_it_is_missing(desk: Desk) -> None:
    fft = desk.provider("fft", "fft")
    elm = desk.provider("elm", years=YEARS, dfe_number="9994002")
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for line in of_many(ABOUT, "9994002").decode().splitlines():
        sheet.append(line.removesuffix(",secret").removesuffix(",Zzyzx").split(","))
    packed = io.BytesIO()
    book.save(packed)
    desk.send(fft, packed.getvalue(), "all.xlsx.pgp")
    desk.process()
    (copy,) = out(desk, "elm")
    assert copy.name.endswith(".xlsx.pgp")
    made = opened(elm, copy.read_bytes(), desk.certificate)
    (table,) = openpyxl.load_workbook(io.BytesIO(made))
    assert [row[1].value for row in table.iter_rows()] == ["DfE number", *["9994002"] * 5]
    copy.unlink()
    desk.process()
    assert opened(elm, copy.read_bytes(), desk.certificate) == made


@pytest.mark.long
def test_who_has_not_ratified_gets_the_copy_once_it_has_and_that_is_on_record(desk: Desk) -> None:
    fft = desk.provider("fft", "fft")
    oak = desk.provider("oak", dfe_number=ABOUT)
    whole, divided = desk.send(fft, estimates()), desk.send(fft, of_many(ABOUT, "9994002"))
    desk.process()
    assert (out(desk, "oak"), desk.state(whole), desk.state(divided)) == ([], "accepted", "accepted")
    assert copies_delivered(desk, whole) == []
    (standing,) = json.loads(desk.gateway("agreement", "status", "--json"))
    assert standing["copies_waiting"] == 2
    assert "The oak" not in desk.receipt(whole)
    assert "oak: 2 copies of files wait until it has ratified" in invoke(
        desk.home.root, "doctor"
    ).output.replace("\n", " ")
    desk.gateway("agreement", "ratify", "oak", "--signatory", "The Head")
    assert (copies_delivered(desk, whole), copies_delivered(desk, divided)) == (["oak"], ["oak"])
    desk.process()
    found = [opened(oak, path.read_bytes(), desk.certificate) for path in out(desk, "oak")]
    assert estimates() in found
    assert {row["DfE number"] for each in found for row in rows_of(each)} <= {ABOUT}
    (standing,) = json.loads(desk.gateway("agreement", "status", "--json"))
    assert standing["copies_waiting"] == 0
    assert "everything fits" in desk.gateway("log", "verify")


def test_a_copy_that_waits_is_not_made_of_what_a_stolen_key_signed(desk: Desk) -> None:
    fft = desk.provider("fft", "fft")
    desk.provider("oak", dfe_number=ABOUT)
    sent = desk.send(fft, estimates())
    desk.process()
    signer = desk.transfer(sent).signature
    assert signer is not None
    desk.gateway("keys", "revoke", "fft", signer.certificate, "--why", "laptop stolen")
    desk.gateway("agreement", "ratify", "oak", "--signatory", "The Head")
    desk.process()
    assert (out(desk, "oak"), copies_delivered(desk, sent)) == ([], [])


def test_a_copy_that_two_people_allowed_is_made_though_its_reason_is_worded_anew(desk: Desk) -> None:
    fft = desk.provider("fft", "fft")
    desk.provider("oak", dfe_number=ABOUT)
    sent = desk.send(fft, estimates())
    desk.process()
    transfer = desk.transfer(sent)
    assert transfer.signature is not None
    desk.gateway("keys", "revoke", "fft", transfer.signature.certificate, "--why", "laptop stolen")
    texts = {"clause": "in earlier words", "sentence": "in earlier words", "next_step": "none"}
    with desk.registry.write() as session:
        session.add(ReasonRow(transfer=transfer.sequence, ordinal=9, code="open:key-revoked", **texts))
    desk.gateway("agreement", "ratify", "oak", "--signatory", "The Head")
    desk.process()
    assert len(out(desk, "oak")) == 1


def test_a_copy_that_waits_is_made_once_two_people_gave_its_file_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    fft = desk.provider("fft", "fft")
    desk.provider("oak", dfe_number=ABOUT)
    sent = desk.send(fft, estimates())
    desk.process()
    signer = desk.transfer(sent).signature
    assert signer is not None
    desk.gateway("keys", "revoke", "fft", signer.certificate, "--why", "laptop stolen")
    desk.gateway("agreement", "ratify", "oak", "--signatory", "The Head")
    with desk.registrar() as registrar:
        rounds = Rounds(registrar)
        rounds.held(registrar, leads=True)
        assert copies_delivered(desk, sent) == []
        monkeypatch.setenv("GATEWAY_ADMIN", "jane")
        desk.gateway("transfers", "redeliver", sent, "--why", "it is theirs", "--override")
        monkeypatch.setenv("GATEWAY_ADMIN", "sam")
        desk.gateway("transfers", "confirm", sent, "--why", "they made this file")
        rounds.held(registrar, leads=True)
    assert copies_delivered(desk, sent) == ["oak"]


def test_a_copy_that_waits_for_a_ratification_still_waits_after_a_start(desk: Desk) -> None:
    fft = desk.provider("fft", "fft")
    oak = desk.provider("oak", dfe_number=ABOUT)
    sent = desk.send(fft, estimates())
    for _ in range(3):
        desk.process()
        assert (out(desk, "oak"), copies_delivered(desk, sent)) == ([], [])
    desk.gateway("agreement", "ratify", "oak", "--signatory", "The Head")
    desk.process()
    (copy,) = out(desk, "oak")
    assert opened(oak, copy.read_bytes(), desk.certificate) == estimates()


def test_a_school_that_was_suspended_gets_the_copies_of_that_time_once_it_is_back(desk: Desk) -> None:
    fft, why = desk.provider("fft", "fft"), ("--why", "a laptop was stolen")
    oak = desk.provider("oak", years=YEARS, dfe_number=ABOUT)
    desk.gateway("providers", "suspend", "oak", *why)
    sent = desk.send(fft, estimates())
    desk.process()
    assert (out(desk, "oak"), copies_delivered(desk, sent)) == ([], [])
    assert "wait until it has ratified" not in invoke(desk.home.root, "doctor").output.replace("\n", " ")
    desk.gateway("providers", "resume", "oak", *why)
    desk.process()
    (copy,) = out(desk, "oak")
    assert opened(oak, copy.read_bytes(), desk.certificate) == estimates()
    assert copies_delivered(desk, sent) == ["oak"]


def test_a_school_that_lost_its_key_can_open_its_copies_with_its_new_one(desk: Desk) -> None:
    give_oak_a_copy(desk)
    (before,) = [path.read_bytes() for path in out(desk, "oak")]
    anew = Party("oak-anew", desk.root / "parties" / "oak-anew")
    (lost,) = [
        one for one in json.loads(desk.gateway("keys", "list", "oak", "--json")) if one["kind"] == "openpgp"
    ]
    desk.gateway("keys", "add", "oak", str(anew.certificate))
    fingerprint = pysequoia.Cert.from_bytes(anew.certificate.read_bytes()).fingerprint
    desk.gateway("keys", "confirm", "oak", fingerprint)
    desk.process()
    assert [path.read_bytes() for path in out(desk, "oak")] == [before]  # Both keys are in force.
    desk.gateway("keys", "revoke", "oak", lost["fingerprint"], "--why", "the disk died")
    desk.process()
    (copy,) = out(desk, "oak")
    assert opened(anew, copy.read_bytes(), desk.certificate) == estimates()


def test_a_copy_is_made_again_where_its_key_ended_while_it_was_sealed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    fft = desk.provider("fft", "fft")
    oak = desk.provider("oak", years=YEARS, dfe_number=ABOUT)
    anew, seal = Party("oak-anew", desk.root / "parties" / "oak-anew"), Examiner.seal_copy

    def lost_meanwhile(*given: Any) -> Any:
        monkeypatch.undo()
        desk.gateway("keys", "add", "oak", str(anew.certificate))
        desk.gateway("keys", "confirm", "oak", str(anew.openpgp.extract_certificate().fingerprint))
        lost = str(oak.openpgp.extract_certificate().fingerprint)
        sealed = seal(*given)
        desk.gateway("keys", "revoke", "oak", lost, "--why", "the disk died")
        return sealed

    monkeypatch.setattr(Examiner, "seal_copy", lost_meanwhile)
    desk.send(fft, estimates())
    desk.process()
    desk.process()
    (copy,) = out(desk, "oak")
    assert opened(anew, copy.read_bytes(), desk.certificate) == estimates()


def test_a_change_of_a_login_key_makes_no_copy_again(desk: Desk) -> None:
    desk.provider("oak", years=YEARS, dfe_number=ABOUT)
    (login,) = [
        one for one in json.loads(desk.gateway("keys", "list", "oak", "--json")) if one["kind"] == "ssh"
    ]
    with statements() as asked:
        desk.gateway("keys", "revoke", "oak", login["fingerprint"], "--why", "laptop stolen")
    assert [one for one in asked if "provider_copy.certificates" in one] == []


def replaces_its_subkey(desk: Desk, gpg: Gnupg, oak: School) -> None:
    gpg.converse("--edit-key", oak.fingerprint, given=b"key 1\nrevkey\ny\n0\n\ny\nsave\n")
    gpg.run("--quick-add-key", oak.fingerprint, "cv25519", "encr", "2y")
    (file := desk.root / "oak.asc").write_bytes(oak.certificate())
    desk.gateway("keys", "add", "oak", str(file))


@pytest.mark.needs("gpg")
@pytest.mark.parametrize("while_sealed", [False, True])
def test_a_school_that_lost_a_subkey_can_open_its_copies_with_the_one_in_its_place(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, while_sealed: bool
) -> None:
    fft, seal = desk.provider("fft", "fft"), Examiner.seal_copy
    with Gnupg() as gpg:
        oak = desk.school("oak", gpg)
        desk.gateway("providers", "set", "oak", "--dfe-number", ABOUT)
        desk.send(fft, estimates())

        def lost_meanwhile(*given: Any) -> Any:
            monkeypatch.undo()
            sealed = seal(*given)
            replaces_its_subkey(desk, gpg, oak)
            return sealed

        if while_sealed:
            monkeypatch.setattr(Examiner, "seal_copy", lost_meanwhile)
        desk.process()
        if not while_sealed:
            (copy,) = out(desk, "oak")
            assert recipients_of(copy) == (oak.subkeys()[-1][-16:],)
            replaces_its_subkey(desk, gpg, oak)
        desk.pass_time(minutes=1)
        desk.process()
        (copy,) = out(desk, "oak")
        assert recipients_of(copy) == (oak.subkeys()[-1][-16:],)


def test_a_host_that_shares_reads_a_copy_again_only_once_it_was_made_anew(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_oak_a_copy(desk)
    read, missing, digest_of = list[str](), list[Copy](), hashlib.file_digest

    def counted(file: Any, name: str) -> Any:
        read.append(file.name)
        return digest_of(file, name)

    monkeypatch.setattr("hashlib.file_digest", counted)
    monkeypatch.setattr(Copier, "_make", lambda _, __, one, ___: missing.append(one))
    copier = Copier(desk.home, desk.children.lent(desk.home), SideJobs(60, lambda job: job(), lambda: None))
    with desk.registrar() as alone:
        host = {"host": HostSettings(name="one")}
        registrar = replace(alone, settings=alone.settings.model_copy(update=host))

        def rounds(number: int) -> tuple[int, int]:
            for _ in range(number):
                copier.hand_out(registrar)
            return len(read), len(missing)

        assert rounds(3) == (1, 0)
        desk.pass_time(minutes=11)
        assert (rounds(2), copier._whole) == ((1, 0), set())  # No later round asks for it.
        with desk.registry.write() as session:
            (row,) = rows(session, CopyRow)
            row.sha256, row.made_at = hashlib.sha256(b"made anew").hexdigest(), desk.now
        assert rounds(1) == (2, 1)


def test_files_are_not_read_in_each_round_for_schools_that_have_not_ratified(desk: Desk) -> None:
    fft = desk.provider("fft", "fft")
    desk.provider("oak", dfe_number=ABOUT)
    desk.send(fft, estimates())
    desk.process()
    with desk.registrar() as registrar, statements() as asked:
        give_copies(registrar)
    assert [one for one in asked if "transfer.content" in one] == []


def test_files_of_copies_that_are_held_back_are_read_again_only_after_a_change(desk: Desk) -> None:
    give_oak_a_copy(desk)
    desk.gateway("providers", "set", "oak", "--dfe-number", "9994002", "--why", "a new number")
    with desk.registrar() as registrar:
        rounds, read = Rounds(registrar), []
        for number in (None, None, "9994003", ABOUT):
            if number:
                desk.gateway("providers", "set", "oak", "--dfe-number", number, "--why", "mistyped")
            with statements() as asked:
                rounds.held(registrar, leads=True)
            read.append(any("transfer.content" in one for one in asked))
    assert read == [True, False, True, True]
    desk.process()
    assert len(out(desk, "oak")) == 1


def test_no_copy_follows_a_start_while_a_child_in_the_file_is_restricted(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    fft = desk.provider("fft", "fft")
    desk.provider("oak", years=YEARS, dfe_number=ABOUT)
    sent = desk.send(fft, estimates())
    with monkeypatch.context() as broken:
        broken.setattr(Examiner, "seal_copy", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt("killed")))
        desk.process()
    desk.gateway("pupils", "restrict", *CHILD, "--why", "accuracy is contested")
    for _ in range(2):
        desk.process()
        assert (desk.state(sent), out(desk, "oak")) == ("accepted", [])
    desk.gateway("pupils", "unmark", "1", "--why", "settled")
    desk.process()
    assert len(out(desk, "oak")) == 1


@pytest.mark.parametrize("in_console", [False, True])
def test_a_copy_in_out_is_taken_back_while_a_child_in_the_file_is_marked_and_follows_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, in_console: bool
) -> None:
    fft = desk.provider("fft", "fft")
    oak = desk.provider("oak", years=YEARS, dfe_number=ABOUT)
    sent = desk.send(fft, estimates())
    desk.process()
    assert len(out(desk, "oak")) == 1
    with monkeypatch.context() as marking:
        if in_console:  # Whose service writes nothing that is published.
            marking.setattr("gateway.publish.everything.take_back_copies", lambda *_: None)
        desk.gateway("pupils", "restrict", *CHILD, "--why", "accuracy is contested")
        assert len(out(desk, "oak")) == in_console
    for _ in range(2):
        desk.process()
        assert (desk.state(sent), out(desk, "oak")) == ("accepted", [])
    desk.gateway("pupils", "unmark", "1", "--why", "settled")
    desk.process()
    (copy,) = out(desk, "oak")
    assert opened(oak, copy.read_bytes(), desk.certificate) == estimates()
    assert "everything fits" in desk.gateway("log", "verify")


def test_a_copy_that_is_made_while_others_are_taken_back_stays(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    fft, owed = desk.provider("fft", "fft"), copies.owed
    desk.provider("oak", years=YEARS, dfe_number=ABOUT)

    def slow(session: Session, **asked: Any) -> Sequence[Copy]:
        found = owed(session, **asked)
        monkeypatch.undo()  # The processor goes on, while a command still works on what it read.
        desk.send(fft, estimates())
        desk.process()
        assert len(out(desk, "oak")) == 1
        return found

    monkeypatch.setattr(copies, "owed", slow)
    take_back_copies(desk.home, desk.registry)
    assert len(out(desk, "oak")) == 1


@pytest.mark.parametrize("in_console", [False, True])
def test_a_copy_about_another_school_leaves_out_once_a_wrong_number_is_put_right(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, in_console: bool
) -> None:
    sent = give_oak_a_copy(desk)
    with monkeypatch.context() as setting:
        if in_console:  # Whose service writes nothing that is published.
            setting.setattr("gateway.publish.everything.take_back_copies", lambda *_: None)
        said = desk.gateway("providers", "set", "oak", "--dfe-number", "9994002", "--why", "mistyped")
        assert f"which may have fetched it: {sent}" in " ".join(said.split())
        assert len(out(desk, "oak")) == in_console
    desk.process()
    assert out(desk, "oak") == []
    assert "everything fits" in desk.gateway("log", "verify")


def test_a_copy_about_another_school_leaves_out_whichever_option_puts_its_number_right(desk: Desk) -> None:
    sent = give_oak_a_copy(desk)
    said = desk.gateway("providers", "set", "oak", "--number", "9994002", "--why", "mistyped")
    assert f"which may have fetched it: {sent}" in " ".join(said.split())
    assert out(desk, "oak") == []
    (notice,) = json.loads(desk.gateway("notices", "list", "--json"))
    assert notice["reference"] == sent


def test_a_copy_about_another_school_leaves_out_once_a_list_puts_a_wrong_number_right(desk: Desk) -> None:
    sent = give_oak_a_copy(desk)
    path = desk.root / "schools.csv"
    path.write_text("id,name,kind,dfe_number\noak,The oak,school,9994002\n")
    told = f"which may have fetched it: {sent}"
    tried = " ".join(desk.gateway("providers", "import", str(path), "--dry-run").split())
    assert f"would be: a copy by the former number of oak is out of its /out, {told}" in tried
    assert len(out(desk, "oak")) == 1
    assert json.loads(desk.gateway("notices", "list", "--json")) == []
    assert told in " ".join(desk.gateway("providers", "import", str(path)).split())
    assert out(desk, "oak") == []
    (notice,) = json.loads(desk.gateway("notices", "list", "--json"))
    assert notice["reference"] == sent
    assert "another school" not in notice["subject"], "the number may have been its own, too"


@pytest.mark.parametrize("by_urn", [False, True])
def test_a_part_of_another_school_leaves_out_also_where_the_file_names_the_right_one(
    desk: Desk, *, by_urn: bool
) -> None:
    option, wrong, right = ("--urn", "100001", "100002") if by_urn else ("--dfe-number", ABOUT, "9994002")
    fft, number = desk.provider("fft", "fft"), "9994001" if not by_urn else None
    oak = desk.provider("oak", years=YEARS, dfe_number=number)
    if by_urn:
        desk.gateway("providers", "set", "oak", option, wrong, "--why", "its number")
    content = of_many(ABOUT, "9994002", "9994009")
    if by_urn:
        content = content.replace(b"DfE number", b"URN")
        for one in ("1", "2", "9"):
            content = content.replace(f",999400{one},".encode(), f",10000{one},".encode())
    sent = desk.send(fft, content)
    desk.process()
    assert desk.state(sent) == "accepted", desk.codes(sent)
    assert len(out(desk, "oak")) == 1
    said = desk.gateway("providers", "set", "oak", option, right, "--why", "mistyped")
    assert f"which may have fetched it: {sent}" in " ".join(said.split())
    assert out(desk, "oak") == []
    desk.process()
    (copy,) = out(desk, "oak")
    rows = rows_of(opened(oak, copy.read_bytes(), desk.certificate))
    assert {row["URN" if by_urn else "DfE number"] for row in rows} == {right}
    assert copies_delivered(desk, sent) == ["oak", "oak"]


def test_a_part_being_made_is_not_brought_out_once_another_part_is_due(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    fft = desk.provider("fft", "fft")
    oak = desk.provider("oak", years=YEARS, dfe_number=ABOUT)
    sent = desk.send(fft, of_many(ABOUT, "9994002", "9994009"))
    seal = Examiner.seal_copy

    def put_right_meanwhile(*args: Any) -> Any:
        monkeypatch.undo()
        desk.now += timedelta(seconds=1)
        desk.gateway("providers", "set", "oak", "--dfe-number", "9994002", "--why", "mistyped")
        with desk.registrar() as registrar:
            give_copies(registrar)
        return seal(*args)

    monkeypatch.setattr(Examiner, "seal_copy", put_right_meanwhile)
    desk.process()
    desk.process()
    assert desk.state(sent) == "accepted"
    (copy,) = out(desk, "oak")
    rows = rows_of(opened(oak, copy.read_bytes(), desk.certificate))
    assert {row["DfE number"] for row in rows} == {"9994002"}


def with_urns(*schools: str) -> bytes:
    """Estimates of pupils of each of these schools, with a URN beside the DfE number that ends alike."""
    header, *rows = of_many(*schools).decode().replace("Zzyzx", "URN").splitlines()
    urns = {school: f"10000{school[-1]}" for school in schools}
    told = [next((urn for school, urn in urns.items() if f",{school}," in row), "") for row in rows]
    made = [row.replace("secret", urn) for row, urn in zip(rows, told, strict=True)]
    return "\r\n".join([header, *made, ""]).encode()


def test_a_part_stays_in_out_where_an_academy_has_a_new_urn(desk: Desk) -> None:
    fft = desk.provider("fft", "fft")
    desk.provider("oak", years=YEARS, dfe_number=ABOUT)
    desk.gateway("providers", "set", "oak", "--urn", "100001")
    sent = desk.send(fft, with_urns(ABOUT, "9994002"))
    desk.process()
    (copy,) = out(desk, "oak")
    sealed = copy.read_bytes()
    desk.gateway("providers", "convert", "oak", "--kind", "academy", "--why", "converted")
    assert "fetched" not in desk.gateway("providers", "set", "oak", "--urn", "100777")
    desk.process()
    assert copy.read_bytes() == sealed
    assert copies_delivered(desk, sent) == ["oak"]
    assert json.loads(desk.gateway("notices", "list", "--json")) == []


@pytest.mark.parametrize("is_own", [False, True])
def test_a_part_by_a_former_number_leaves_out_unless_its_school_has_the_other_number(
    desk: Desk, *, is_own: bool
) -> None:
    fft = desk.provider("fft", "fft")
    desk.provider("oak", years=YEARS, dfe_number=ABOUT)
    desk.gateway("providers", "set", "oak", "--urn", "100001")
    desk.send(fft, with_urns(ABOUT, "9994002"))
    desk.process()
    assert len(out(desk, "oak")) == 1
    changed = ("--dfe-number", "9994008", *(() if is_own else ("--urn", "100008")))
    desk.gateway("providers", "set", "oak", *changed, "--why", "mistyped")
    assert len(json.loads(desk.gateway("notices", "list", "--json"))) == (not is_own)


@pytest.mark.parametrize(
    "renumbered",
    [
        ("convert", "oak", "--kind", "academy", "--dfe-number", "9994008", "--urn", "100008", "--why", "new"),
        ("set", "oak", "--dfe-number", "9994008", "--urn", "100008", "--same-school"),
        ("set", "oak", "--urn", "100008"),
    ],
)
def test_a_part_that_is_made_again_has_the_rows_by_the_number_that_its_school_had(
    desk: Desk, renumbered: tuple[str, ...]
) -> None:
    fft = desk.provider("fft", "fft")
    oak = desk.provider("oak", years=YEARS, dfe_number=ABOUT)
    desk.gateway("providers", "set", "oak", "--urn", "100001")
    sent = desk.send(fft, with_urns(ABOUT, "9994002"))
    desk.process()
    (before,) = out(desk, "oak")
    desk.gateway("providers", *renumbered)
    assert out(desk, "oak") == [before]
    assert json.loads(desk.gateway("notices", "list", "--json")) == []
    desk.gateway("pupils", "restrict", *CHILD, "--why", "accuracy is contested")
    assert out(desk, "oak") == []
    desk.gateway("pupils", "unmark", "1", "--why", "settled")
    desk.process()
    (copy,) = out(desk, "oak")
    rows = rows_of(opened(oak, copy.read_bytes(), desk.certificate))
    assert [row["DfE number"] for row in rows] == [ABOUT] * 5
    assert copies_delivered(desk, sent) == ["oak"]
    assert "everything fits" in desk.gateway("log", "verify")


@pytest.mark.parametrize("is_first", [False, True])
def test_a_file_that_is_given_back_is_copied_for_a_school_that_has_another_number_meanwhile(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, *, is_first: bool
) -> None:
    fft = desk.provider("fft", "fft")
    oak = desk.provider("oak", years=YEARS, dfe_number=ABOUT)
    whole, divided = desk.send(fft, estimates()), desk.send(fft, of_many(ABOUT, "9994002"))
    desk.process()
    renumbered = ("providers", "set", "oak", "--dfe-number", "9994008", "--same-school")
    if is_first:
        desk.gateway(*renumbered)
    for act, person in (("withdraw", "jane"), ("redeliver", "sam")):
        monkeypatch.setenv("GATEWAY_ADMIN", person)
        for sent in (whole, divided):
            desk.gateway("transfers", act, sent, "--why", "looked into")
        assert out(desk, "oak") == []
        if act == "withdraw" and not is_first:
            desk.gateway(*renumbered)
        desk.process()
    found = [opened(oak, path.read_bytes(), desk.certificate) for path in out(desk, "oak")]
    assert estimates() in found
    assert [row["DfE number"] for each in found for row in rows_of(each)] == [ABOUT] * 10
    assert "everything fits" in desk.gateway("log", "verify")


def test_copies_that_wait_follow_a_school_that_has_other_numbers(desk: Desk) -> None:
    fft = desk.provider("fft", "fft")
    oak = desk.provider("oak", dfe_number=ABOUT)
    whole, divided = desk.send(fft, estimates()), desk.send(fft, of_many(ABOUT, "9994002"))
    desk.process()
    desk.gateway("providers", "set", "oak", "--dfe-number", "9994008", "--same-school")
    desk.gateway("agreement", "ratify", "oak", "--signatory", "The Head")
    desk.process()
    found = [opened(oak, path.read_bytes(), desk.certificate) for path in out(desk, "oak")]
    assert estimates() in found
    assert [row["DfE number"] for each in found for row in rows_of(each)] == [ABOUT] * 10
    assert copies_delivered(desk, whole) == copies_delivered(desk, divided) == ["oak"]


def test_what_a_list_says_of_schools_that_stay_the_same_takes_no_copy_back(desk: Desk) -> None:
    give_oak_a_copy(desk)
    path = desk.root / "schools.csv"
    path.write_text("id,name,kind,dfe_number\noak,The oak,school,9994002\n")
    assert "fetched" not in desk.gateway("providers", "import", str(path), "--same-schools")
    assert len(out(desk, "oak")) == 1


def test_a_copy_by_a_mistyped_number_leaves_out_and_what_is_by_an_earlier_one_stays(desk: Desk) -> None:
    fft = desk.provider("fft", "fft")
    desk.provider("oak", years=YEARS, dfe_number=ABOUT)
    kept = desk.send(fft, of_many(ABOUT, "9994002"))
    desk.process()
    desk.gateway("providers", "set", "oak", "--dfe-number", "9994002", "--same-school")
    desk.send(fft, estimates().replace(ABOUT.encode(), b"9994002"))
    desk.process()
    assert len(out(desk, "oak")) == 2
    desk.gateway("providers", "set", "oak", "--dfe-number", "9994008", "--why", "mistyped")
    (copy,) = out(desk, "oak")
    assert kept in copy.name


def test_a_school_whose_number_is_put_right_gets_what_came_before(desk: Desk) -> None:
    fft = desk.provider("fft", "fft")
    oak = desk.provider("oak", years=YEARS, dfe_number="9994007")
    whole, divided = desk.send(fft, estimates()), desk.send(fft, of_many(ABOUT, "9994002"))
    gone = desk.send(fft, estimates(2))
    desk.process()
    desk.gateway("transfers", "withdraw", gone, "--why", "wrong estimates")
    assert out(desk, "oak") == []
    for _ in range(2):
        desk.gateway("providers", "set", "oak", "--dfe-number", ABOUT, "--why", "mistyped")
        desk.process()
    found = [opened(oak, path.read_bytes(), desk.certificate) for path in out(desk, "oak")]
    assert len(found) == 2
    assert estimates() in found
    assert {row["DfE number"] for each in found for row in rows_of(each)} == {ABOUT}
    assert [copies_delivered(desk, one) for one in (whole, divided, gone)] == [["oak"], ["oak"], []]
    assert "everything fits" in desk.gateway("log", "verify")


def test_a_school_whose_number_is_put_right_gets_nothing_from_before_it_was_enrolled(desk: Desk) -> None:
    fft = desk.provider("fft", "fft")
    sent = desk.send(fft, estimates())
    desk.process()
    desk.pass_time(days=2)
    desk.provider("oak", years=YEARS, dfe_number="9994007")
    desk.gateway("providers", "set", "oak", "--dfe-number", ABOUT, "--why", "mistyped")
    desk.process()
    assert (out(desk, "oak"), copies_delivered(desk, sent)) == ([], [])


def test_a_copy_that_waits_by_a_number_of_another_school_is_not_given_by_it(desk: Desk) -> None:
    fft = desk.provider("fft", "fft")
    desk.provider("oak", dfe_number=ABOUT)
    desk.send(fft, estimates())
    desk.process()
    for number, *same in (("9994008", "--same-school"), (ABOUT, "--same-school"), ("9994007",)):
        desk.gateway("providers", "set", "oak", "--dfe-number", number, "--why", "mistyped", *same)
    desk.gateway("agreement", "ratify", "oak", "--signatory", "The Head")
    desk.process()
    assert out(desk, "oak") == []


def test_a_copy_is_told_once_to_have_been_taken_back(desk: Desk) -> None:
    give_oak_a_copy(desk)
    for number in ("9994007", ABOUT, "9994008"):
        desk.gateway("providers", "set", "oak", "--dfe-number", number, "--why", "mistyped")
    assert len(json.loads(desk.gateway("notices", "list", "--json"))) == 1


def test_a_part_by_a_urn_has_its_rows_once_the_dfe_number_is_put_right(desk: Desk) -> None:
    fft = desk.provider("fft", "fft")
    oak = desk.provider("oak", years=YEARS, dfe_number="9994008")
    desk.gateway("providers", "set", "oak", "--urn", "100001")
    desk.send(fft, with_urns(ABOUT, "9994002"))
    desk.process()
    desk.gateway("providers", "set", "oak", "--dfe-number", ABOUT, "--same-school")
    desk.gateway("pupils", "restrict", *CHILD, "--why", "accuracy is contested")
    desk.gateway("pupils", "unmark", "1", "--why", "settled")
    desk.process()
    (copy,) = out(desk, "oak")
    rows = rows_of(opened(oak, copy.read_bytes(), desk.certificate))
    assert [row["DfE number"] for row in rows] == [ABOUT] * 5


def test_for_a_number_that_is_put_right_no_file_is_read_that_cannot_name_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    fft = desk.provider("fft", "fft")
    desk.provider("oak", years=YEARS, dfe_number="9994007")
    sent = desk.send(fft, estimates())
    desk.process()
    found, without_copy = list[str](), copies.without_copy

    def noted(*given: Any) -> Any:
        some = without_copy(*given)
        found.extend(one.upload.reference for one in some)
        return some

    monkeypatch.setattr(copies, "without_copy", noted)
    for number in ("9994008", ABOUT):
        desk.gateway("providers", "set", "oak", "--dfe-number", number, "--why", "mistyped")
    assert found == [sent]


def test_a_school_that_was_closed_by_mistake_gets_the_copies_of_that_time(desk: Desk) -> None:
    fft = desk.provider("fft", "fft")
    oak = desk.provider("oak", years=YEARS, dfe_number=ABOUT)
    desk.gateway("providers", "close", "oak", "--why", "mistaken for another")
    sent = desk.send(fft, estimates())
    desk.process()
    assert (desk.state(sent), out(desk, "oak")) == ("accepted", [])
    desk.gateway("providers", "reopen", "oak", "--why", "that was another one")
    desk.process()
    (copy,) = out(desk, "oak")
    assert opened(oak, copy.read_bytes(), desk.certificate) == estimates()
    assert copies_delivered(desk, sent) == ["oak"]


def test_data_protection_has_a_notice_of_a_copy_that_was_put_out_and_not_recorded(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    fft = desk.provider("fft", "fft")
    desk.provider("oak", years=YEARS, dfe_number=ABOUT)
    sent = desk.send(fft, estimates())
    with monkeypatch.context() as broken:
        broken.setattr(
            copies, "record_made", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt("killed"))
        )
        desk.process()
    assert len(out(desk, "oak")) == 1
    said = desk.gateway("providers", "set", "oak", "--dfe-number", "9994002", "--why", "mistyped")
    assert f"which may have fetched it: {sent}" in " ".join(said.split())
    assert out(desk, "oak") == []


def test_a_copy_that_is_held_back_is_told_neither_as_the_school_s_nor_as_waiting_for_it(desk: Desk) -> None:
    fft = desk.provider("fft", "fft")
    desk.provider("oak", years=YEARS, dfe_number=ABOUT)
    child = next(csv.DictReader(io.StringIO(estimates().decode("utf-8-sig"))))
    sent = desk.send(fft, estimates())
    desk.process()

    def report() -> str:
        return " ".join(desk.gateway("pupils", "report", "--upn", child["UPN"]).split())

    assert "copies for oak" in report()
    desk.gateway("providers", "set", "oak", "--dfe-number", "9994002", "--why", "mistyped")
    assert "copies for oak" not in report()
    (standing,) = json.loads(desk.gateway("agreement", "status", "--json"))
    assert (standing["standing"], standing["copies_waiting"]) == ("ratified", 0)
    assert f"{sent}: a copy was given to The oak" in report()


def test_a_school_has_its_own_copy_again_once_a_mistyped_number_is_right_again(desk: Desk) -> None:
    fft = desk.provider("fft", "fft")
    oak = desk.provider("oak", years=YEARS, dfe_number=ABOUT)
    desk.send(fft, estimates())
    desk.process()
    desk.gateway("providers", "set", "oak", "--dfe-number", "9994002", "--why", "a new number")
    desk.process()
    assert out(desk, "oak") == []
    assert "fetched" not in desk.gateway(
        "providers", "set", "oak", "--dfe-number", ABOUT, "--why", "mistyped"
    )
    desk.process()
    (copy,) = out(desk, "oak")
    assert opened(oak, copy.read_bytes(), desk.certificate) == estimates()


def test_data_protection_has_a_notice_of_a_copy_about_another_school_whatever_fails_later(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = give_oak_a_copy(desk)

    def fails(*_: object) -> None:
        raise Fault("published/ cannot be written")

    with monkeypatch.context() as broken:
        broken.setattr("gateway.publish.everything.take_back_copies", fails)
        assert invoke(desk.home.root, "providers", "set", "oak", "--dfe-number", "9994002").exit_code
    (notice,) = json.loads(desk.gateway("notices", "list", "--json"))
    assert notice["reference"] == sent
    assert "in the /out of: oak" in " ".join(desk.gateway("notices", "show", str(notice["number"])).split())
    desk.process()
    assert out(desk, "oak") == []


def test_data_protection_has_no_notice_of_a_copy_that_was_never_made(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    fft = desk.provider("fft", "fft")
    desk.provider("oak", years=YEARS, dfe_number=ABOUT)
    desk.send(fft, estimates())
    with monkeypatch.context() as broken:
        broken.setattr(Examiner, "seal_copy", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt("killed")))
        desk.process()
    assert "fetched" not in desk.gateway("providers", "set", "oak", "--dfe-number", "9994002")
    assert json.loads(desk.gateway("notices", "list", "--json")) == []
    desk.process()
    assert out(desk, "oak") == []


def test_a_copy_stays_in_out_where_what_is_put_right_is_not_what_it_is_by(desk: Desk) -> None:
    give_oak_a_copy(desk)
    desk.gateway("providers", "suspend", "oak", "--why", "an incident")
    assert "fetched" not in desk.gateway("providers", "set", "oak", "--dfe-number", ABOUT, "--urn", "100777")
    assert len(out(desk, "oak")) == 1


def test_a_copy_being_made_is_not_brought_out_once_a_child_in_the_file_is_marked(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    fft = desk.provider("fft", "fft")
    desk.provider("oak", years=YEARS, dfe_number=ABOUT)
    desk.send(fft, estimates())
    seal = Examiner.seal_copy

    def marked_meanwhile(*args: Any) -> Any:
        monkeypatch.undo()
        desk.gateway("pupils", "restrict", *CHILD, "--why", "accuracy is contested")
        return seal(*args)

    monkeypatch.setattr(Examiner, "seal_copy", marked_meanwhile)
    desk.process()
    assert out(desk, "oak") == []
    desk.gateway("pupils", "unmark", "1", "--why", "settled")
    desk.process()
    assert len(out(desk, "oak")) == 1


@pytest.mark.parametrize("is_withdrawn", [False, True])
def test_a_copy_from_the_shared_store_is_not_brought_out_once_it_is_not_due(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, is_withdrawn: bool
) -> None:
    sent = give_oak_a_copy(desk)
    (copy,) = out(desk, "oak")
    sealed = copy.read_bytes()
    copy.unlink()
    act = ("transfers", "withdraw", sent) if is_withdrawn else ("pupils", "restrict", *CHILD)

    class Store:
        def fetch_copy(self, *_: str) -> int:
            desk.gateway(*act, "--why", "accuracy is contested")
            descriptor = os.memfd_create("copy")
            os.write(descriptor, sealed)
            return descriptor

        def remove_other_copies(self, due: object) -> None: ...

    monkeypatch.setattr(provider_copies, "shared_store", lambda *_: Store())
    copier = Copier(desk.home, desk.children.lent(desk.home), SideJobs(60, lambda job: job(), lambda: None))
    with desk.registrar() as registrar:
        copier.hand_out(registrar)
    assert out(desk, "oak") == []


def test_a_copy_that_is_not_due_any_more_does_not_stay_in_the_shared_store(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    fft = desk.provider("fft", "fft")
    desk.provider("oak", years=YEARS, dfe_number=ABOUT)
    sent = desk.send(fft, estimates())
    put: list[tuple[str, ...]] = []

    class Store:
        def put_copy(self, *its: Any) -> None:
            put.append(its[:2])
            desk.gateway("transfers", "withdraw", sent, "--why", "sent by mistake")

        def remove_copies(self, *its: str, but: str | None) -> None:
            put[:] = [each for each in put if each != its or but]

        def remove_other_copies(self, due: object) -> None: ...

    monkeypatch.setattr(provider_copies, "shared_store", lambda *_: Store())
    desk.process()
    assert (desk.codes(sent)[0], put, out(desk, "oak")) == ("person:withdrawn", [], [])


def test_a_copy_that_was_left_in_out_when_its_file_was_withdrawn_is_named(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    fft = desk.provider("fft", "fft")
    desk.provider("oak", years=YEARS, dfe_number=ABOUT)
    sent = desk.send(fft, estimates())
    desk.process()
    monkeypatch.setattr("gateway.publish.everything.take_back_copies", lambda *_: None)
    desk.gateway("transfers", "withdraw", sent, "--why", "sent by mistake")
    (copy,) = out(desk, "oak")
    said = desk.gateway("log", "verify", code=1)
    assert f"oak/out/{copy.name}: nothing of this name was sealed" in " ".join(said.split())


def test_a_copy_of_a_file_withdrawn_meanwhile_never_follows(desk: Desk) -> None:
    fft = desk.provider("fft", "fft")
    desk.provider("oak", dfe_number=ABOUT)
    sent = desk.send(fft, estimates())
    desk.process()
    desk.gateway("transfers", "withdraw", sent, "--why", "sent by mistake")
    desk.gateway("agreement", "ratify", "oak", "--signatory", "The Head")
    desk.process()
    assert (out(desk, "oak"), copies_delivered(desk, sent)) == ([], [])


def copies_delivered(desk: Desk, reference: str) -> list[str]:
    fields = [
        json.loads(event.leaf)["fields"] for event in desk.events(reference) if event.kind == "delivered"
    ]
    return [each["provider"] for each in fields if "team" not in each]
