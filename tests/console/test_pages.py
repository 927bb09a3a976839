"""What is tried against the pages: they are served for real, and asked without a browser's manners."""

from __future__ import annotations

import csv
import html
import io
import random
import re
import subprocess
import sys
import zipfile
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import httpx
import pytest
from sqlmodel import Session

from gateway.acts.act import Area
from gateway.acts.fields import area_of, every_act
from gateway.cli.console import registrar_of
from gateway.console.site import STATIC_PATH, Site, templates
from gateway.home.settings import SECURITY, Settings
from gateway.model import Provider
from gateway.policy.catalogue import load_catalogue
from gateway.policy.dates import academic_year
from gateway.processor.rounds import Follow
from gateway.publish.penalties import copy_listed
from gateway.registry import agreements, copies, deliveries, keys, providers, transfers
from gateway.registry.tables import DiscrepancyPartyRow, DiscrepancyRow, HookRow, RatificationRow
from gateway.samples import make, school
from gateway.zones.penalty_files import Listed, of_intake
from tests.console.pages import console_of
from tests.console.served import OTHER, TEAM, Served
from tests.console.soft_key import SoftKey
from tests.content import core_data
from tests.costs import statements
from tests.mailboxes.mailroom import NOW, PROVIDER

BOX = f"/mailboxes/{TEAM}"
LOADED_LATE = """
import asyncio, sys
from types import SimpleNamespace
import httpx
from gateway.console.server import application
from gateway.console.site import STATIC_PATH

async def ask():
    transport = httpx.ASGITransport(application(SimpleNamespace(origin="http://localhost")))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        assert (await client.head(f"{STATIC_PATH}/console.css")).status_code == 200
        before = set(sys.modules)
        assert (await client.get(f"{STATIC_PATH}/console.css")).text
        print(*sorted(set(sys.modules) - before))

asyncio.run(ask())
"""


def test_every_page_is_for_whoever_is_logged_in(served: Served) -> None:
    with httpx.Client(base_url=served.origin) as stranger:
        for path in (
            "/",
            BOX,
            "/work/held/list",
            "/schools",
            "/schools/oak",
            "/agreement",
            "/evidence",
            "/me",
            f"{BOX}/x",
        ):
            told = stranger.get(path)
            assert (told.status_code, told.headers["location"]) == (303, "/login"), path
        assert stranger.get("/login").status_code == 200


def test_anybody_is_told_whom_to_tell_of_a_flaw(served: Served) -> None:
    with httpx.Client(base_url=served.origin) as stranger:
        assert stranger.get(SECURITY).status_code == 404
    told = Settings.model_validate(
        {
            "security_contact": "tel:+44-1632-960123",
            "security_expires": "2027-08-31",
            "web": {"origin": "https://send.anyshire.gov.uk"},
        }
    ).security_txt
    with console_of(served.console, security_txt=told) as origin:
        answer = httpx.get(f"{origin}{SECURITY}")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text == (
        "Contact: tel:+44-1632-960123\n"
        "Expires: 2027-08-31T23:59:59Z\n"
        "Canonical: https://send.anyshire.gov.uk/.well-known/security.txt\n"
    )


def test_a_link_survives_the_login_and_a_form_keeps_what_was_typed(served: Served) -> None:
    kim = served.arrives()
    kim.enter(served.console.invite("jane"))
    served.console.confirm("jane")
    kim.client.cookies.delete("session")
    assert kim.get("/work/transfers/list?state=held") == 200
    assert "You log in with your passkey" in kim.text
    signed = kim.key.signed(kim.options, served.origin)
    told = kim.client.post("/login", data={"token": kim.hidden("token"), "credential": signed})
    assert told.url.path == "/work/transfers/list"
    assert told.url.params["state"] == "held"
    kim.get("/work/held/note")
    kim.client.cookies.delete("session")
    typed = {"reference": "r", "text": "A thought <of> mine"}
    assert kim.post("/work/held/note", **typed) == 401
    assert "A thought <of> mine" in kim.text
    signed = kim.key.signed(kim.options, served.origin)
    kept = {name: kim.hidden(name) for name in ("to", "kept:reference", "kept:text")}
    assert kept == {"to": "/work/held/note", "kept:reference": "r", "kept:text": "A thought <of> mine"}
    assert kim.post("/login", credential=signed, **kept) == 200
    assert "Go on where you were" in kim.text
    assert "Cancel" in kim.text
    assert kim.post("/work/held/note", **typed) == 404  # There is no such file.
    away = httpx.get(f"{served.origin}/held/x", headers={"sec-fetch-site": "cross-site"})
    assert 'content="0; url=/held/x"' in away.text


def test_a_form_from_elsewhere_does_nothing(served: Served) -> None:
    reference, jane = served.room.deliver(b"f", TEAM), served.jane
    jane.get(BOX)
    good = jane.hidden("token")
    fields = {"reference": reference, "do": "deal"}
    ours = {"origin": served.origin}
    client = served.arrives().client
    client.cookies, client.follow_redirects = jane.client.cookies, False
    del client.headers["origin"]
    assert client.post(BOX, data=fields, headers=ours).status_code == 403
    assert client.post(BOX, data={**fields, "token": "0" * 64}, headers=ours).status_code == 403
    for origin in ("https://evil.example", "null", f"{served.origin}.evil.example", ""):
        told = client.post(BOX, data={**fields, "token": good}, headers={"origin": origin})
        assert told.status_code == 403, origin
    assert client.post(BOX, data={**fields, "token": good}).status_code == 403
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        assert client.request(method, BOX, headers=ours).status_code == 405
    assert "dealt-with" not in served.kinds(reference)
    assert client.post(BOX, data={**fields, "token": good}, headers=ours).status_code == 303
    assert "dealt-with" in served.kinds(reference)


def test_whoever_deals_with_a_file_that_a_colleague_dealt_with_meanwhile_is_told_which(
    served: Served,
) -> None:
    first, second = (served.room.deliver(name, TEAM) for name in (b"one", b"two"))
    served.jane.get(BOX)
    assert served.jane.post(BOX, do="deal", reference=first) == 200  # Another window of the same mailbox.
    served.jane.get("/me")
    both = {"token": served.jane.hidden("token"), "do": "deal", "reference": [first, second]}
    told = served.jane.client.post(BOX, data=both)
    assert told.status_code == 403
    assert f"{first} is not there any more, as somebody dealt with it" in told.text
    assert "dealt-with" not in served.kinds(second)
    told = served.jane.client.post(BOX, data=both | {"do": "restore"})
    assert f"{second} is not there any more, as somebody put it back or took it back" in told.text


def test_one_persons_token_is_no_other_persons(served: Served) -> None:
    served.jane.get("/me")
    served.sam.get("/me")
    assert served.jane.hidden("token") != served.sam.hidden("token")
    told = served.sam.client.post("/logout", data={"token": served.jane.hidden("token")})
    assert told.status_code == 403
    assert served.sam.get("/me") == 200


def test_the_token_tells_nothing_of_the_session(served: Served) -> None:
    served.jane.get("/me")
    assert served.jane.client.cookies["session"] not in served.jane.page


def test_cookies_are_for_no_script_and_no_other_site(served: Served) -> None:
    told = httpx.get(f"{served.origin}/login").headers["set-cookie"].casefold()
    assert "httponly" in told
    assert "samesite=strict" in told
    assert "domain" not in told


def test_what_may_be_a_minute_old_says_as_of_when(served: Served) -> None:
    for path in ("/", "/schools"):
        assert served.jane.get(path) == 200
        (judged,) = re.findall(r'[Aa]s of <time datetime="([^"]+)"', served.jane.page)
        age = datetime.now(UTC) - datetime.fromisoformat(judged)
        assert timedelta(seconds=-1) < age < timedelta(minutes=10), path
    assert served.sam.get("/") == 200
    assert "as of" not in served.sam.text


def test_browsers_keep_styles_and_scripts_which_come_compressed(served: Served) -> None:
    jane = served.jane
    jane.get("/")
    named = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', jane.page))
    assert {path.rpartition("/")[0] for path in named} == {STATIC_PATH}
    assert {path.rpartition("/")[2] for path in named} >= {"console.css", "passkey.js", "live.js"}
    for path in named:
        given = jane.client.get(path, headers={"accept-encoding": "gzip"})
        assert given.headers["cache-control"] == "public, max-age=31536000, immutable", path
        assert given.headers.get("content-encoding") == ("gzip" if len(given.content) > 500 else None), path
    assert jane.client.get("/static/console.css").status_code == 404


def test_each_page_leads_to_the_statement_of_accessibility_where_there_is_one(served: Served) -> None:
    statement = "https://www.example.invalid/accessibility"
    assert "Accessibility statement" not in httpx.get(f"{served.origin}/login").text
    with console_of(served.console, accessibility=statement) as origin:
        assert f'<a href="{statement}">Accessibility statement</a>' in httpx.get(f"{origin}/login").text


def test_every_answer_forbids_what_could_be_done_with_it(served: Served) -> None:
    paths = (
        "/",
        "/login",
        "/nothing",
        f"{STATIC_PATH}/console.css",
        "/work/held/list",
        "/static/../app.py",
        "/static/",
    )
    for path in paths:
        headers = served.jane.client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy, path
        assert "frame-ancestors 'none'" in policy, path
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        if not path.startswith(STATIC_PATH):
            assert headers["cache-control"] == "no-store"
        assert "server" not in headers


def test_an_answer_that_has_begun_needs_no_module_that_is_not_loaded() -> None:
    """Whatever fails then, fails behind the header: the browser gets a page without its style."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED_LATE], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == []


def test_a_download_is_never_shown_as_a_page(served: Served) -> None:
    content = b"<html><script>alert(1)</script></html>"
    reference = served.room.deliver(content, TEAM)
    served.jane.get(BOX)
    fields = {"reference": reference, "do": "download", "token": served.jane.hidden("token")}
    told = served.jane.client.post(BOX, data=fields)
    assert (told.status_code, told.content) == (200, content)
    assert told.headers["content-disposition"].startswith('attachment; filename="')
    assert told.headers["content-type"] == "application/octet-stream"
    assert "sandbox" in told.headers["content-security-policy"]
    assert told.headers["x-content-type-options"] == "nosniff"
    assert int(told.headers["content-length"]) == len(content)
    assert served.kinds(reference) == ["collected"]


@pytest.mark.long
@pytest.mark.parametrize("cell", ["=1+1", "@SUM(A1)", "+SUM(A1:A2)", "-SUM(A1)"])
def test_a_formula_in_a_schools_table_is_not_downloaded(served: Served, cell: str) -> None:
    """CSV injection: what a school writes into a cell is run in nobody's spreadsheet, alone or in a ZIP."""
    rng = random.Random(cell)
    plain = make("student-core", "csv-core", rng=rng, school=school(rng, 1), pupils=3)
    head, first, *others = csv.reader(io.StringIO(plain.decode("utf-8-sig"), newline=""))
    first[head.index("Surname")] = cell
    written = io.StringIO(newline="")
    csv.writer(written).writerows([head, first, *others])
    reference = served.room.accept(written.getvalue().encode())
    served.jane.get(BOX)
    asked = {"do": "download", "token": served.jane.hidden("token")}
    one = served.jane.client.post(BOX, data={**asked, "reference": reference})
    many = [reference, served.room.deliver(b"beside it", TEAM)]
    with zipfile.ZipFile(
        io.BytesIO(served.jane.client.post(BOX, data={**asked, "reference": many}).content)
    ) as whole:
        (packed,) = (whole.read(name) for name in whole.namelist() if reference in name)
    for given in (one.content, packed):
        cells = [each for row in csv.reader(io.StringIO(given.decode(), newline="")) for each in row]
        assert len(cells) > len(head)
        assert not [each for each in cells if each.lstrip().startswith(tuple("=+-@"))]


def test_a_zip_names_what_could_not_be_given(served: Served) -> None:
    good, other = served.room.deliver(b"mine", TEAM), served.room.deliver(b"theirs", OTHER)
    served.jane.get(BOX)
    fields = {"reference": [good, other], "do": "download", "token": served.jane.hidden("token")}
    told = served.jane.client.post(BOX, data=fields)
    with zipfile.ZipFile(io.BytesIO(told.content)) as whole:
        assert whole.testzip() is None
        names = whole.namelist()
        assert whole.read(names[0]) == b"mine"
        assert other in whole.read("NOT-INCLUDED.txt").decode()
    assert len(names) == 2
    assert served.kinds(other) == []


def test_a_zip_names_a_file_that_was_taken_back_while_it_was_read(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut, good = served.room.deliver(b"x" * 600_000, TEAM), served.room.deliver(b"mine", TEAM)
    served.jane.get(BOX)
    fields = {"reference": [good, cut], "do": "download", "token": served.jane.hidden("token")}
    read: list[str] = []

    def taken_back(_session: Session, delivery: deliveries.Delivery, _person: str) -> bool:
        read.append(delivery.reference)
        return read.count(cut) < 2

    monkeypatch.setattr(deliveries, "may_read", taken_back)
    told = served.jane.client.post(BOX, data=fields)
    with zipfile.ZipFile(io.BytesIO(told.content)) as whole:
        (short,) = [name for name in whole.namelist() if cut in name]
        assert len(whole.read(short)) < 600_000
        said = whole.read("NOT-INCLUDED.txt").decode()
        (whole_one,) = [name for name in whole.namelist() if good in name]
        assert whole.read(whole_one) == b"mine"
    assert f"{cut}: {short} is NOT WHOLE here" in said
    assert good not in said


def test_another_teams_files_are_not_there_by_address(served: Served) -> None:
    reference = served.room.deliver(b"secret", TEAM)
    held = served.room.hold(b"held")
    for path in (BOX, f"{BOX}/{reference}", f"/mailboxes/{OTHER}/{reference}", f"/held/{held}", "/held",
                 "/schools", f"/schools/{PROVIDER}", "/agreement", "/evidence"):  # fmt: skip
        assert served.sam.get(path) in {403, 404}, path
        assert reference not in served.sam.text
    served.sam.get("/me")
    token = served.sam.hidden("token")
    for path in (BOX, "/mailboxes/held", f"/mailboxes/{OTHER}"):
        fields = {"reference": reference, "do": "download", "token": token}
        assert served.sam.client.post(path, data=fields).status_code in {403, 404}
    assert served.kinds(reference) == []


def test_names_and_reasons_are_text_and_no_markup(served: Served) -> None:
    held = served.room.hold(b"markup")
    served.jane.get(f"/held/{held}")
    assert "<b>A</b>" not in served.jane.page
    assert '<b>A</b> & "Sons"' in served.jane.text
    assert served.jane.post("/work/held/refuse", reference=held, why='"><script>x</script>') == 200
    assert "<script>x" not in served.jane.page
    assert served.jane.hidden("why") == '"><script>x</script>'


def test_whoever_cannot_decide_on_a_key_is_led_to_the_page_of_its_school(served: Served) -> None:
    held = served.room.hold(b"key", "key:pending")
    assert served.jane.get(f"/held/{held}") == 200
    assert f'<a href="/schools/{PROVIDER}">the page of its school</a>' in served.jane.page


def test_an_act_of_weight_is_done_once_confirmed(served: Served) -> None:
    held = served.room.hold(b"weight")
    served.jane.get(f"/held/{held}")
    assert served.jane.act("/work/held/refuse", reference=held, why="it is wrong") == 200
    assert "is refused" in served.jane.text
    served.jane.get("/held")
    assert served.jane.post("/work/held/refuse", reference=held, why="again") == 403
    assert "There is a problem" in served.jane.text


def test_a_cookie_that_was_set_before_is_no_session_after(served: Served) -> None:
    """Session fixation: what an attacker puts into a browser does not become that person's session."""
    served.room.staff("victim", TEAM)
    victim = served.arrives()
    victim.client.cookies.set("session", "chosen-by-somebody", domain="localhost.local", path="/")
    victim.enter(served.console.invite("victim"))
    held = [each.value for each in victim.client.cookies.jar if each.name == "session"]
    with httpx.Client(base_url=served.origin, cookies={"session": "chosen-by-somebody"}) as theirs:
        assert theirs.get("/").status_code == 303
    assert any(value != "chosen-by-somebody" for value in held)


def test_a_stolen_cookie_is_worth_nothing_after_logging_out(served: Served) -> None:
    served.room.staff("robbed", TEAM)
    person = served.enters("robbed")
    with httpx.Client(base_url=served.origin, cookies=dict(person.client.cookies)) as thief:
        assert thief.get("/").status_code == 200
        person.get("/me")
        assert person.post("/logout") == 200
        assert thief.get("/").status_code == 303


def test_an_attempt_to_log_in_is_of_one_browser(served: Served) -> None:
    """Nobody is logged in as somebody else by a form that another page sends."""
    victim, attacker = served.arrives(), served.jane
    victim.get("/login")
    other = served.arrives()
    other.get("/login")
    signed = attacker.key.signed(other.options, served.origin)
    assert victim.post("/login", credential=signed) == 403
    assert "Log in" in victim.text


def test_logging_in_again_needs_the_passkey_alone(served: Served) -> None:
    again = served.arrives()
    again.get("/login")
    assert again.post("/login", credential=served.jane.key.signed(again.options, served.origin)) == 200
    assert "jane" in again.text


def test_another_name_of_the_machine_is_sent_to_the_right_one(served: Served) -> None:
    port = served.origin.rpartition(":")[2]
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as ours:
        told = ours.get("/login")
        assert (told.status_code, told.headers["location"]) == (307, f"{served.origin}/login")
        assert ours.post("/login", data={}).status_code == 421


def test_what_is_too_large_or_senseless_is_turned_down(served: Served) -> None:
    jane = served.jane
    jane.get("/evidence")
    token = jane.hidden("token")
    assert jane.client.post("/evidence/receipt", content=b"x" * 600_000).status_code == 413
    assert jane.get("/me?done=others") == 200
    assert "sessions are ended" not in jane.text  # No link of elsewhere says what was done.
    endless = jane.client.post("/evidence/receipt", content=iter([b"x"]))
    assert (endless.status_code, endless.headers["connection"]) == (411, "close")
    assert jane.get(f"{BOX}?before=-1") == 200
    assert jane.get(f"{BOX}/..%2f..%2fheld") in {403, 404}
    for never in ("never", "9999-12-31", "0001-01-01"):
        assert jane.get(f"/schools?on={never}") == 400, never
    many = {"token": token, "do": "deal", "reference": ["261124-school-a-AAAAA"] * 200}
    assert jane.client.post(BOX, data=many).status_code in {400, 403, 404}


def test_the_schools_are_shown_and_each_by_itself(served: Served) -> None:
    served.room.hold(b"line")
    assert served.jane.get("/schools") == 200
    assert "Sons" in served.jane.text
    assert served.jane.get("/schools?on=2026-10-01") == 200
    assert served.jane.get(f"/schools/{PROVIDER}") == 200
    assert "held" in served.jane.text
    assert served.jane.get("/schools/nobody") == 404


def test_the_agreement_stands_beside_its_rules(served: Served) -> None:
    assert served.jane.get("/agreement") == 200
    assert "✗ never" in served.jane.text
    assert "This list covers all the known data needed by this agreement" in served.jane.text
    assert "reason policy:no-flow" in served.jane.text


def test_the_agreement_lists_who_is_covered_among_who_has_ratified_and_tells_no_more(served: Served) -> None:
    at, room = datetime.now(UTC), served.room
    waits = room.accept(core_data(9))
    with room.registry.write() as session:
        covered = Provider(id="first", name="1st School", kind="school", dfe_number="9994871")
        providers.add_provider(session, covered, at)
        trust = Provider(id="trust", name="Trust", kind="academy", schools=("9994871",))
        providers.add_provider(session, trust, at)
        catalogue = load_catalogue(room.home.policies)
        year = academic_year(at.date(), catalogue.school_year_starts)
        signed = RatificationRow(
            provider="trust", academic_year=year, signatory="The Chief", ratified_on=at.date(),
            recorded_at=at, recorded_by="ann",
        )  # fmt: skip
        agreements.sign(session, catalogue, signed, None, actor="ann")
        sequence = transfers.get(session, waits).sequence
        copies.owe(session, sequence, PROVIDER, at, waits=True)
        assert copies.count_waiting(session) == {PROVIDER: 1}
    room.staff("ola")
    served.console.grant("ola", "auditor")
    ola = served.console.enrolled("ola", SoftKey())
    with statements() as asked:
        found = served.console.said("agreement", session=ola)["standings"]
    names = [one["name"] for one in found]
    assert names.index("1st School") > names.index('<b>A</b> & "Sons"'), "the former is covered"
    assert names.index("1st School") < names.index("Trust")
    assert {*found[0]} == {"provider", "name", "standing", "academic_year", "lapses"}
    assert ["count(" in one for one in asked if "provider_copy" in one] == [True]
    with room.registry.write() as session:
        copies.forget(session, sequence)


def test_a_held_file_that_was_decided_leads_to_its_own_page(served: Served) -> None:
    reference = served.room.deliver(b"decided", TEAM)
    assert served.jane.get(f"/held/{reference}") == 200
    assert reference in served.jane.text
    assert "is not held" not in served.jane.text


def test_one_minute_is_no_minutes() -> None:
    seconds = templates("Europe/London").filters["seconds"]
    assert [seconds(62), seconds(150), seconds(3601)] == ["1 minute", "2 minutes", "1 hour"]


def test_a_fingerprint_that_begins_a_sentence_stays_as_it_is() -> None:
    sentence_case = templates("Europe/London").filters["sentence_case"]
    assert sentence_case("f9ec5146e922 is revoked") == "f9ec5146e922 is revoked"
    assert sentence_case("the key waits") == "The key waits"


def test_a_name_that_begins_a_sentence_stays_as_it_is() -> None:
    sentence_case, in_welsh = (
        templates("Europe/London", one).filters["sentence_case"] for one in ("en", "cy")
    )
    heading = "how taken is sex in later files of oak"
    for named in ("jane has the role triage already", "oak is removed, with its keys", heading):
        assert sentence_case(named) == named
    said = "there is no school called oak: choose one that is offered"
    assert (sentence_case(said), in_welsh(said)[:3]) == (f"T{said[1:]}", "Nid")
    assert in_welsh("jane is the last administrator: make another one first").startswith("jane yw")


def test_tasks_stand_under_the_area_that_their_acts_declare(served: Served) -> None:
    served.mary.get("/work")
    _, *parts = re.split(r'<h2 id="[^"]*">(.*?)</h2>', served.mary.page)
    listed = {
        (path, area)
        for area, part in zip(parts[::2], parts[1::2], strict=True)
        for path in re.findall(r'href="/work/([a-z./-]+)"', part)
    }
    declared = {
        ("/".join(name.replace(" ", ".").rsplit(".", 1)), area_of(act).value)
        for name, act in every_act().items()
        if act.in_console
    }
    assert listed <= declared
    assert parts[::2] == [area.value for area in Area]


def test_the_title_of_a_page_is_its_heading(served: Served) -> None:
    for path in ("/work/held/list", "/work/staff/list", "/work/providers/add", "/work/breach/list"):
        assert served.mary.get(path) == 200
        title = re.search(r"<title>(.*?) \u2013 ", served.mary.page)
        heading = re.search(r"<h1>(.*?)</h1>", served.mary.page)
        assert title
        assert heading
        assert title[1] == heading[1], path


def test_news_of_ones_keys_stand_under_one_line_unless_they_ask_for_something(served: Served) -> None:
    with served.room.registry.write() as session:
        for number in range(3):
            keys.add_key(
                session, "staff", "sam", "ssh", fingerprint=f"SHA256:theirs{number}", material="x",
                at=datetime.now(UTC), by="adma", state="pending" if number == 2 else "active",
            )  # fmt: skip
    assert served.sam.get("/") == 200
    assert re.search(
        r"<summary>[345] keys of yours were added between [^<]+ and [^<]+</summary>", served.sam.page
    )
    (box,) = re.findall(r'<p class="box">([^<]+)', served.sam.page)
    assert "SHA256:theirs2" in box


def test_the_same_file_sent_several_times_says_so_and_leads_to_the_newest(served: Served) -> None:
    first, _, newest = (served.room.hold(b"the same again") for _ in range(3))
    alone, jane = served.room.hold(b"sent once"), served.jane
    assert jane.get("/work/held/list") == 200
    assert jane.text.count(f"(sent 3 times: the newest is {newest})") == 2
    assert jane.text.count("(sent 3 times: this is the newest)") == 1
    jane.get(f"/held/{first}")
    assert f'The newest is <a href="/held/{newest}">' in jane.page
    jane.get(f"/held/{alone}")
    assert "The same file" not in jane.text


def test_what_waits_for_the_telephone_call_leads_to_where_the_call_is_put_on_record(served: Served) -> None:
    mary, room = served.mary, served.room
    for number in (1, 2):
        with room.registry.write() as session:
            keys.add_key(
                session, "provider", PROVIDER, "ssh",
                fingerprint=f"SHA256:{number}", material="x", at=NOW, by="ann", state="pending",
            )  # fmt: skip
        assert mary.get(f"/schools/{PROVIDER}") == 200
        assert '<a href="#call-1">' in mary.page
        boxes = re.findall(r'<details id="call-[0-9]" class="box"( open)?>', mary.page)
        assert boxes == ([" open"] if number == 1 else ["", ""])


def test_a_web_hook_that_fails_waits_for_whoever_may_mend_it(served: Served) -> None:
    link = '<a href="/work/hooks/list">See why the web hook case-files fails</a>'
    assert served.mary.get("/") == 200
    assert "web hook" not in served.mary.text
    with served.room.registry.write() as session:
        session.add(
            HookRow(
                name="case-files", address="https://cases.example.invalid/", events="file.held", teams="",
                made_at=NOW, made_by="mary", entry=0, looked_at=NOW, trouble="the address is not reached",
            )
        )  # fmt: skip
    assert served.mary.get("/") == 200
    assert link in served.mary.page
    assert served.mary.get("/work/hooks/list") == 200
    assert "the address is not reached" in served.mary.text
    assert served.jane.get("/") == 200
    assert "web hook" not in served.jane.text


def test_many_discrepancies_of_a_school_are_counted_and_folded_the_newest_first(served: Served) -> None:
    reference = served.room.deliver(b"a roll", TEAM)
    with served.room.registry.write() as session:
        providers.add_provider(session, Provider(id="birch", name="Birch", kind="school"), NOW)
        sequence = transfers.get(session, reference).sequence
        for number in range(60):
            row = DiscrepancyRow(kind="two-rolls", key=str(number), state="open", opened_at=datetime.now(UTC))
            session.add(row)
            session.flush()
            session.add_all(
                DiscrepancyPartyRow(
                    discrepancy=row.number,
                    ordinal=ordinal,
                    provider=of,
                    pupil=b"p",
                    transfer=sequence,
                    record=1,
                )
                for ordinal, of in enumerate((PROVIDER, "birch"))
            )
        last = row.number
    assert served.jane.get(f"/schools/{PROVIDER}") == 200
    assert (
        f'<a href="/work/discrepancies/list?provider={PROVIDER}">List all that are open: 60</a>'
        in served.jane.page
    )
    found = re.findall(r"discrepancies/show\?number=(\d+)", served.jane.page)
    assert found == [str(last - number) for number in range(10)]
    assert "(Birch), since" in served.jane.text


def test_lists_and_details_tell_the_names_of_teams_kinds_and_schools(served: Served) -> None:
    reference = served.room.deliver(b"named", TEAM)
    for path in ("/work/staff/list", "/work/transfers/list", f"/work/transfers/show?reference={reference}"):
        assert served.jane.get(path) == 200
        cells = " ".join(re.findall(r"<(?:td|dd)[^>]*>(.*?)</(?:td|dd)>", served.jane.page))
        assert TEAM not in cells, path
        assert ("Central Data Team" if "staff" in path else "&lt;b&gt;A&lt;/b&gt;") in cells, path


def test_a_role_says_what_it_is_for_where_it_is_given(served: Served) -> None:
    assert served.mary.get("/work/roles/grant") == 200
    assert "Triage decides on held files" in served.mary.text
    assert "auditor looks at everything, and changes nothing" in served.mary.text


def test_a_preview_of_too_many_letters_says_how_to_ask_for_the_rest(served: Served) -> None:
    with served.room.registry.write() as session:
        for number in range(40):
            providers.add_provider(session, Provider(id=f"n{number}", name="N", kind="school"), NOW)
    assert served.mary.get("/work/letters/preview?days=400&on=2026-11-01") == 403
    assert re.search(
        r"are too many at once: ask for \d+, and then for further ones as if it were \d+ \w+ 2027",
        served.mary.text,
    )
    assert served.mary.get("/work/letters/preview?days=2&on=2026-11-01") == 200


def test_a_day_of_the_chart_leads_to_its_files(served: Served) -> None:
    reference, today = served.room.deliver(b"came today", TEAM), datetime.now(UTC).date()
    with served.room.registry.write() as session:
        transfers.row_of(session, reference).landed_at = datetime.now(UTC)
    assert served.jane.get("/") == 200
    days = re.findall(
        r'<a href="(/work/transfers/list\?from_=[^"]+)" aria-label="[^"]+: \d+ files">', served.jane.page
    )
    assert len(days) == 14
    assert served.jane.get(html.unescape(days[-1])) == 200
    assert f'value="{today}"' in served.jane.page


def test_who_waits_at_the_door_is_listed_and_let_in_again_by_the_processor_alone(served: Served) -> None:
    """What serves the console reaches neither the spool nor what intake reads."""
    home, mary = served.room.home, served.mary
    at_intake, until = of_intake(home.spool, home.published), datetime.now(UTC) + timedelta(minutes=10)
    at_intake.write_listed(Listed(until={"192.0.2.7": until, "192.0.2.8": until}))
    assert mary.get("/work/penalties/list") == 200
    assert "Nobody has to wait" in mary.text
    copy_listed(home, Listed())
    mary.get("/work/penalties/list")
    assert "192.0.2.7" in mary.text
    assert served.sam.get("/work/penalties/list") == 403
    assert "ask an administrator" in served.sam.text
    with registrar_of(home.root) as registrar:
        follow = Follow(registrar)
        assert mary.post("/work/penalties/lift", address="192.0.2.9") == 403
        assert "192.0.2.9 does not have to wait" in mary.text
        mary.get("/work/penalties/list")
        assert mary.act("/work/penalties/lift", address="192.0.2.7") == 200
        assert "192.0.2.7 may try again" in mary.text
        assert at_intake.read_lifted().at == {}
        follow.tend(registrar)
    assert at_intake.read_lifted().at.keys() == {"192.0.2.7"}
    lifted = served.room.events("penalties")[-1]
    assert (lifted.kind, lifted.actor, b"192.0.2" in lifted.leaf) == ("penalty-lifted", "mary", False)


def test_a_transfer_by_another_way_is_tried_and_put_on_record(served: Served) -> None:
    mary, path = served.mary, "/work/declarations/add"
    asked = {"provider": PROVIDER, "method": "post", "data": "finance", "safeguard": ["return-address"]}
    assert mary.get(path) == 200
    assert 'name="method" value="post"' in mary.page
    assert "Does the envelope bear a return address?" in mary.text
    assert mary.post(path, **asked, dry_run="yes") == 200
    assert "Finance information with personal data by post: not allowed" in mary.text
    assert "labelled 'For Addressee only'" in mary.text
    asked["safeguard"] = ["return-address", "addressee-only"]
    assert mary.post(path, **asked, dry_run="yes") == 200
    assert "Dry run: nothing is recorded" in mary.text
    assert mary.get("/work/declarations/list") == 200
    assert "finance" not in mary.text
    mary.get(path)
    assert mary.post(path, **asked) == 200
    assert "Finance information with personal data by post: " in mary.text.partition("Confirm with")[2]
    credential = mary.key.signed(mary.options, mary.origin)
    assert mary.post(path, **asked, credential=credential) == 200
    assert "Recorded as " in mary.text
    assert mary.get("/work/declarations/list") == 200
    assert "finance" in mary.text


@pytest.mark.parametrize("letter", ["a", "ŵ", "ש", "€", "😀"])
def test_a_sentence_in_any_letters_reaches_the_next_page(letter: str) -> None:
    """Browsers drop a cookie that is too long."""
    site = Site(inside=None, knows=None, origin="http://localhost", pages={})
    cookie = site.see_said("/", letter * 1300).headers["set-cookie"].partition(";")[0]
    assert len(cookie) <= 4096
    assert set(unquote(cookie.partition("=")[2])) == {letter}
