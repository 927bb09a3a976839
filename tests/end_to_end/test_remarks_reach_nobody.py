"""Two thousand remarks in files of every kind and form go through a running gateway: nobody reads one.

Each stands in a cell of an item or a working field. All that anybody may read is looked at for the word
behind each remark: every mailbox and what lies in it, every receipt, letter and page, the log, the registry.
The receipt of each file tells its sender of each of them.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from stat import S_ISDIR
from typing import Any
from zipfile import ZipFile, is_zipfile

import paramiko
import pytest

from gateway.policy.catalogue import load_catalogue
from tests.console.visitor import Visitor
from tests.end_to_end.remarks_everywhere import NUMBER, Remarked, files
from tests.site import Party, Running, Site
from tests.views.making import RULES
from tests.waiting import until

pytestmark = pytest.mark.long

MARK = re.compile(rb"[Zz]xq[a-z]{3}vyk", re.IGNORECASE)
KINDS = ("school", "dfe", "fft", "alps")
LETTERS = '\n[letters]\nrelay = "127.0.0.1"\nport = 9\ntls = "none"\n'


def texts_of(data: bytes) -> bytes:
    """All that somebody reads in a file."""
    if not is_zipfile(BytesIO(data)):
        return data
    with ZipFile(BytesIO(data)) as packed:
        return b"\n".join(packed.read(name) for name in packed.namelist())


def walk(session: paramiko.SFTPClient, folder: str) -> Iterator[str]:
    for one in session.listdir_attr(folder):
        path = f"{folder.rstrip('/')}/{one.filename}"
        yield path
        if S_ISDIR(one.st_mode or 0):
            yield from walk(session, path)


def seen_by(party: Party, place: tuple[str, int], *, but: str = "") -> Iterator[tuple[str, bytes]]:
    """Each path that somebody sees, and what may be fetched of it; of the folder `but` the names alone."""
    with party.sftp(place) as session:
        for path in list(walk(session, "/")):
            yield path, path.encode()
            if S_ISDIR(session.stat(path).st_mode or 0) or (but and path.startswith(but)):
                continue
            with suppress(PermissionError), session.open(path) as file:  # What was sent cannot be.
                yield f"what lies at {path}", texts_of(file.read())


def pages_of(visitor: Visitor) -> Iterator[tuple[str, bytes]]:
    """Each page that somebody reaches by following links, and the files that it offers."""
    wanted, met = ["/"], {"/"}
    while wanted:
        path = wanted.pop()
        told = visitor.client.get(path)
        yield path, texts_of(told.content)
        if "html" in told.headers["content-type"]:
            links = map(html.unescape, re.findall(r'href="(/[^"#]*)"', told.text))
            wanted += [link for link in dict.fromkeys(links) if link not in met and "/static/" not in link]
            met.update(wanted)


def not_told(sent: Remarked, receipt: dict[str, Any]) -> list[str]:
    """The fields of remarks that a receipt does not tell of, by record and what to write."""
    told = [one for one in receipt["receipt"]["findings"] if "expected" in one]
    free = {key for _, key in sent.marks.values() if "free" in RULES.fields[key].values}
    wanted = [row for row, key in sent.marks.values() if key not in free]
    rows = {row for one in told for row in one["rows"]}
    missing = [f"{sent.data_type} {sent.form}: record {row}" for row in wanted if row not in rows]
    count = sum(one["count"] for one in told)
    return missing if count == len(wanted) else [*missing, f"{sent.data_type} {sent.form}: {count} told"]


@pytest.mark.timeout(900)
def test_no_remark_reaches_anybody_and_each_is_told_to_its_sender(site: Site) -> None:
    with (site.home / "gateway.toml").open("a") as settings:
        settings.write(LETTERS)
    parties = {
        kind: site.provider(kind, kind=kind, dfe_number=NUMBER if kind == "school" else None)
        for kind in KINDS
    }
    site.gateway(
        "providers", "set", "school", "--contact", "office", "--email", "office@school.example", "--why", "x"
    )
    teams = [team.id for team in load_catalogue(site.home / "policies").teams.team]
    jane = site.staff("jane", *teams)
    sent = {f"{number:02}-{one.form}.pgp": one for number, one in enumerate(files())}
    assert sum(len(one.marks) for one in sent.values()) >= 2000
    assert {one.form for one in sent.values()} == {"csv", "workbook", "json", "ctf", "census"}
    with site.running() as services:
        for name, one in sent.items():
            party = parties[one.sender]
            party.put(services.intake, f"/in/{name}", party.seal(one.content, site.certificate))
        decided = until(lambda: decided_of(site, len(sent)), "the decisions", 600)
        accepted = {one["name"] for one in decided if one["state"] == "accepted"}
        assert accepted == {name for name, one in sent.items() if not one.telling}
        receipts = {one["name"]: receipt(services, parties, sent, one) for one in decided}
        read = dict(everything(site, services, jane, parties))
    assert sum(path.startswith("mailbox") for path in read) > len(teams)
    found = {path: MARK.findall(text)[:3] for path, text in read.items() if MARK.search(text)}
    assert found == {}
    untold = [field for name, one in sent.items() for field in not_told(one, receipts[name])]
    assert untold == []


def decided_of(site: Site, number: int) -> list[dict[str, Any]] | None:
    """All transfers, once so many are decided."""
    found = [one for one in site.transfers() if one["state"] != "landed"]
    return found if len(found) == number else None


def everything(
    site: Site, services: Running, jane: Party, parties: dict[str, Party]
) -> Iterator[tuple[str, bytes]]:
    """Every place where somebody reads something, and what is read there."""
    for path, text in seen_by(jane, services.mailboxes, but="/held/"):
        yield f"mailbox {path}", text
    for name, party in parties.items():
        for path, text in seen_by(party, services.intake):
            yield f"{name} {path}", text
    visitor = Visitor(services.console)
    visitor.enter(site.gateway("staff", "invite", "jane").strip().partition("#")[2])
    site.confirm("jane", "--staff")
    for path, text in pages_of(visitor):
        if not path.startswith("/held/") or "/content" not in path:
            yield f"page {path}", text
    for command in ("transfers list", "held list", "sensitive list", "letters list", "flows status"):
        yield command, site.gateway(*command.split(), "--json").encode()
    yield "log", site.log.read_bytes()
    # What was kept of all that: letters, receipts, entries of the log, rows of the registry.
    for file in sorted(site.home.rglob("*")):
        if file.is_file():
            yield str(file.relative_to(site.home)), file.read_bytes()


def receipt(
    services: Running, parties: dict[str, Party], sent: dict[str, Remarked], transfer: dict[str, Any]
) -> dict[str, Any]:
    """The receipt of a file, as its sender fetches it."""
    party = parties[sent[transfer["name"]].sender]
    path = f"/receipts/{transfer['name']}.{transfer['reference']}.json"

    def fetched() -> bytes | None:
        try:
            return party.get(services.intake, path)
        except FileNotFoundError:
            return None

    found: dict[str, Any] = json.loads(until(fetched, path))
    return found
