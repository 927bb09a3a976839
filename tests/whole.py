"""A home in which every table that the log vouches for has rows, made once for many tests."""

from __future__ import annotations

import atexit
import json
import random
import shutil
import tempfile
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import asyncssh

from gateway.examiner.parent import counting_seed
from gateway.homes.demo.parties import Party
from gateway.mailboxes.contents import Given
from gateway.mailboxes.mailbox_access import MailboxAccess as Mailboxes
from gateway.mailboxes.mailbox_access import Person
from gateway.mailboxes.names import MailboxPlace, file_name
from gateway.mailboxes.showing import Showing
from gateway.policy.small_schemas import Signatory
from gateway.processor import retention
from gateway.record.registrar import Registrar
from gateway.registry import agreements, keys, programs, staff
from gateway.registry.logins import digest_of
from gateway.registry.tables import (
    DeclarationRow,
    HandOnBatchRow,
    HandOnFileRow,
    HookRow,
    ProgramRow,
    RatificationRow,
)
from gateway.samples import make
from tests.classify import made
from tests.clock import THIS_YEAR
from tests.corpus.children import csv
from tests.corpus.schools import ELM, OAK, core
from tests.sealed import sealed_file
from tests.workshop import Desk

YEARS = THIS_YEAR


@cache
def whole() -> Desk:
    """The home. It must not be changed: change what it is `copied` to."""
    root = Path(tempfile.mkdtemp(prefix="evidence-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    desk = Desk(root)
    oak, elm = desk.provider("oak", years=YEARS), desk.provider("elm")
    fft = desk.provider("fft", "fft")
    # The school that the samples are about: it gets a copy of its own.
    desk.provider("ash", years=YEARS, dfe_number="9994001")
    core = made.ctf([made.pupil(made.Child(number), made.CORE_INSIDE) for number in (1, 2)]).encode()
    sent = desk.send(oak, core, "core.xml.pgp")
    desk.process()
    desk.send(elm, core, "elm's.xml.pgp")
    desk.send(fft, make("fft-aspire", "csv-estimates", rng=random.Random(1), pupils=3), "fft.csv.pgp")
    damaged = desk.land(oak, oak.seal(core, desk.certificate)[:-30], "cut off.pgp")
    desk.process()
    held = desk.land(fft, fft.seal(b"Dear colleagues, this is no data.", desk.certificate), "letter.pgp")
    desk.process()
    desk.gateway("agreement", "ratify", "elm", "--signatory", "The Head")
    desk.process()
    desk.gateway("held", "refuse", held, "--why", "it is a letter")
    collect(desk, jane(desk), "central-data-team", sent)
    desk.gateway("legal-holds", "place", held, "--why", "asked for by a court")
    desk.gateway("providers", "set", "oak", "--contact", "office", "--telephone", "01823 555 001")
    desk.gateway("providers", "set", "elm", "--contact", "head", "--email", "head@elm.example")
    declare(desk)
    desk.pass_time(days=100)
    with desk.registrar() as registrar:
        assert retention.run(registrar, desk.now, by="admin") is not None
    assert not sealed_file(desk.home, damaged).exists()
    desk.children.end()
    return desk


@cache
def plentiful() -> Desk:
    """A home with several rows in every table that the log vouches for. It must not be changed either."""
    root = Path(tempfile.mkdtemp(prefix="plentiful-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    desk = whole().copied(root)
    desk.pass_time(days=-100)  # What is signed today cannot be received a hundred days later.
    # The samples are about a school that gets a copy of its own.
    fft = desk.provider("fft-again", "fft")
    desk.send(fft, make("fft-aspire", "csv-estimates", rng=random.Random(1), pupils=4), "fft.csv.pgp")
    damaged = desk.land(fft, b"nonsense", "no file.pgp")
    desk.process()
    desk.gateway("legal-holds", "place", damaged, "--why", "by mistake")
    desk.gateway("legal-holds", "lift", damaged, "--why", "by mistake")
    desk.gateway(
        "staff", "add", "sam", "--team", "sen",
        "--ssh-key", str(Party("sam", root / "parties" / "sam").ssh_public),
    )  # fmt: skip
    desk.gateway(
        "declarations", "add", "--method", "post", "--provider", "oak", "--data", "safeguarding",
        "--safeguard", "special-delivery", "--safeguard", "return-address", "--safeguard", "addressee-only",
    )  # fmt: skip
    expectations(desk)
    a_trusts_file(desk)
    marked_children(desk)
    withdrawn(desk, "oak", "elm")
    people_with_roles(desk)
    signed_in_part(desk)
    desk.pass_time(days=100)
    for invited in ("jane", "sam"):
        desk.gateway("staff", "invite", invited)
    with desk.registrar() as registrar:
        for name in ("case-files", "returns"):
            with registrar.registry.write() as session:
                programs.add(
                    session,
                    ProgramRow(
                        digest=digest_of(name), name=name, acts="transfers list", teams="sen",
                        made_at=desk.now, made_by="admin", ends_at=desk.now + timedelta(days=90),
                    ),
                )  # fmt: skip
        handed_on(registrar, desk.now)
        assert retention.run(registrar, desk.now, by="admin") is not None
    desk.close()
    return desk


def handed_on(registrar: Registrar, at: datetime) -> None:
    """Two batches for a system of the authority, of which the second tells of a recall; and two web hooks."""
    with registrar.registry.write() as session:
        for number in (1, 2):
            batch = HandOnBatchRow(
                hand_on="casework", number=number, team="sen", target="a folder of the home", owed_at=at
            )
            session.add(batch)
            session.flush()
            reference = f"261129-oak-0000{number}"
            session.add(HandOnFileRow(batch=batch.id or 0, reference=reference, recalled_in=batch.id))
            session.add(
                HookRow(
                    name=f"case-files-{number}", address=f"https://cases.example/{number}",
                    events="file.held", teams="sen", made_at=at, made_by="admin", entry=number, looked_at=at,
                )
            )  # fmt: skip
        registrar.sign_head(session, at)


def expectations(desk: Desk) -> None:
    """What people say of what is owed, and of columns that mean no harm."""
    for flow in ("ks1", "a-level-results"):
        desk.gateway("flows", "expect", "oak", flow, "no", "--why", "a junior school")
    for flow in ("exclusions", "phonics"):
        desk.gateway("flows", "nil", "oak", flow, "--why", "there were none")
    for column in ("Locker number", "Peg colour"):
        desk.gateway("policy", "harmless", "add", column, "--why", "a cupboard")


def a_trusts_file(desk: Desk) -> None:
    """A file of two schools, from the trust that speaks for them."""
    desk.pass_time(hours=1)
    desk.provider("oak-of-the-trust", dfe_number=OAK)
    desk.provider("elm-of-the-trust", dfe_number=ELM)
    trust = desk.provider("trust", "academy", years=YEARS)
    desk.gateway("providers", "set", "trust", "--schools", f"{OAK},{ELM}")
    desk.send(trust, csv(core(LAESTAB=(OAK, ELM))), "trust.csv.pgp")
    desk.process()


def signed_in_part(desk: Desk) -> None:
    """Two signatures of three that an agreement might want."""
    roles = tuple(Signatory(role=role, name=role) for role in ("head", "chair", "clerk"))
    with desk.registrar() as registrar, desk.registry.write() as session:
        agreement = registrar.catalogue.agreement.model_copy(update={"signatory": roles})
        catalogue = registrar.catalogue.model_copy(update={"agreement": agreement})
        for role in ("head", "chair"):
            signed = RatificationRow(
                provider="oak", academic_year="2027-28", signatory=f"The {role}",
                ratified_on=desk.now.date(), recorded_at=desk.now, recorded_by="admin",
            )  # fmt: skip
            assert agreements.sign(session, catalogue, signed, role, actor="admin")
        registrar.sign_head(session, desk.now)


def marked_children(desk: Desk) -> None:
    """Two children whose data few people may see; a third one's marker is off again."""
    first, second, third = (made.Child(number).asked for number in (1, 2, 3))
    desk.gateway("pupils", "protect", *first, "--person", "jane", "--person", "sam", "--why", "a request")
    desk.gateway("pupils", "restrict", *second, "--why", "accuracy is contested")
    desk.gateway("pupils", "restrict", *third, "--why", "by mistake")
    desk.gateway("pupils", "unmark", "3", "--why", "by mistake")


def withdrawn(desk: Desk, *providers: str) -> None:
    """What these sent and was delivered, out of the mailboxes; data protection has read of the first."""
    listed = json.loads(desk.gateway("transfers", "list", "--json"))
    for provider in providers:
        (sent,) = [
            one["reference"] for one in listed if (one["provider"], one["state"]) == (provider, "accepted")
        ]
        desk.gateway("transfers", "withdraw", sent, "--why", "one team too many")
    desk.gateway("notices", "show", "1")


def people_with_roles(desk: Desk) -> None:
    """Two people, known by accounts. No administrator: so every test may still run every command."""
    for name, role in (("ann", "auditor"), ("ben", "triage")):
        desk.gateway("roles", "grant", name, role, "--account", name, "--why", "known to us")


def jane(desk: Desk) -> Person:
    """A person of the central data team with a fresh SSH key."""
    party = Party("jane", desk.root / "parties" / "jane")
    public = party.ssh_public.read_text("ascii").strip()
    fingerprint = asyncssh.import_public_key(public).get_fingerprint()
    with desk.registry.write() as session:
        staff.add_staff(session, "jane", ["central-data-team"], desk.now)
        keys.add_key(
            session, "staff", "jane", "ssh", fingerprint=fingerprint, material=public, at=desk.now, by="admin"
        )
    return Person("jane", fingerprint)


def collect(desk: Desk, person: Person, team: str, reference: str) -> None:
    """Open a file, and deal with it, as the mailboxes service lets a person do it."""
    with desk.registrar() as registrar:
        signing = registrar.signing
        mailboxes = Mailboxes(
            desk.registry,
            Showing(lambda: registrar.catalogue, lambda sha256: counting_seed(desk.home, sha256)),
            signing.log_key,
            signing.origin,
            lambda: desk.now,
        )
        files, _ = mailboxes.page(person, MailboxPlace(team), None)
        (delivery,) = [one for one in files if one.reference == reference]
        place = MailboxPlace(team, file_name(delivery))
        mailboxes.collect(person, place, Given(-1, delivery.content_size, delivery.content_sha256))
        mailboxes.deal_with(person, place)


def declare(desk: Desk) -> None:
    """A file that goes another way."""
    with desk.registry.write() as session:
        session.add(
            DeclarationRow(
                reference="261124-oak-00DEC",
                provider="oak",
                method="post",
                data="attendance",
                data_types="attendance",
                goes_at=desk.now,
                safeguards="",
                circumstances="",
                state="accepted",
                reasons="[]",
                declared_at=desk.now,
                declared_by="admin",
            )
        )
