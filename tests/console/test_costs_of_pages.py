"""What a page costs, counted: however many schools there are, the registry is asked as often."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from gateway.acts.fields import every_act
from gateway.console.site import templates
from gateway.mailboxes.console_api.carrying_out import act_shown
from gateway.model import Provider
from gateway.registry import providers
from gateway.registry.tables import ContactRow, TransferRow
from gateway.zones.console_api.serving import collect_garbage_rarely
from tests.bench.pages import pages_of_questions
from tests.console.pages import console_of
from tests.console.soft_key import SoftKey
from tests.console.through_the_api import console_api_of
from tests.console.visitor import Visitor
from tests.costs import statements
from tests.mailboxes.mailroom import NOW, PROVIDER, Mailroom

TEAM = "central-data-team"
MOST = 60
"""Statements of one page at most, those for whoever asks and for what is said beside it among them."""
JUDGED_BEFORE = {"/", "/schools?late=yes", "/work/letters/preview"}
"""The pages that tell what was judged when the service began."""
AGAIN = "/ again"
FIRST = (
    "/", f"/mailboxes/{TEAM}", "/schools", "/schools?late=yes", f"/schools/{PROVIDER}", "/agreement",
    "/agreement/policies", "/evidence", "/watch", "/me", "/work",
)  # fmt: skip


def enrol(room: Mailroom, first: int, number: int) -> None:
    """Schools that are written to: each has an address, and something that is late."""
    with room.registry.write() as session:
        for n in range(first, first + number):
            name = f"s{n}"
            providers.add_provider(session, Provider(id=name, name=name, kind="school"), NOW)
            told = ContactRow(
                provider=name,
                role="office",
                email=f"{name}@example.invalid",
                recorded_at=NOW,
                recorded_by="test",
            )
            providers.keep_contact(session, told)
            session.add(
                TransferRow(
                    reference=f"261124-{name}-00001", provider=name, name="x", folder="in", size=1,
                    sha256="1" * 64, started_at=NOW, landed_at=NOW, ssh_key="k", client="c", state="held",
                )
            )  # fmt: skip


def asked_anew(room: Mailroom, key: SoftKey) -> dict[str, int]:
    """How many statements the first answer of each page takes, of a service that has just begun."""
    with console_api_of(room) as console, console_of(console) as origin:
        visitor = Visitor(origin)
        visitor.get("/login")
        assert visitor.post("/login", credential=key.signed(visitor.options, origin)) == 200, visitor.text
        found = {}
        for path in dict.fromkeys((*FIRST, *pages_of_questions().values())):
            with statements() as asked:
                assert visitor.get(path) == 200, (path, visitor.text)
            found[path] = len(asked)
            judging = sum("FROM expectation" in statement for statement in asked)
            assert judging == 0 or path not in JUDGED_BEFORE, (path, judging)
        with statements() as asked:
            assert visitor.get("/") == 200, visitor.text
        found[AGAIN] = len(asked)
        visitor.client.close()
    return found


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, int], dict[str, int]]:
    """The statements of each page with three schools, and with twelve."""
    room, key = Mailroom(tmp_path_factory.mktemp("costs")), SoftKey()
    room.staff("jane", TEAM)
    room.hold(b"one that waits")
    room.deliver(b"one that came", TEAM)
    with console_api_of(room) as console:
        console.enrolled("jane", key)
        for role in ("triage", "administrator", "auditor"):
            console.grant("jane", role)
    enrol(room, 0, 2)
    few = asked_anew(room, key)
    enrol(room, 2, 9)
    return few, asked_anew(room, key)


@pytest.mark.long
def test_no_page_asks_the_registry_oftener_where_there_are_more_schools(
    counted: tuple[dict[str, int], dict[str, int]],
) -> None:
    few, many = counted
    assert {path: (few[path], many[path]) for path in few if many[path] > few[path]} == {}


def test_whoever_asks_first_for_today_has_no_school_judged(
    counted: tuple[dict[str, int], dict[str, int]],
) -> None:
    assert [one["/"] - one[AGAIN] for one in counted] == [0, 0]


def test_whoever_asks_first_has_no_act_described(counted: tuple[dict[str, int], dict[str, int]]) -> None:
    assert counted
    assert act_shown.cache_info().misses == len(every_act())


def test_whoever_asks_first_has_no_template_read() -> None:
    pages = templates("UTC")
    assert pages.cache is not None
    assert len(pages.cache) == len(pages.list_templates())


def test_pages_leave_nothing_in_memory_and_wait_for_no_search_among_all_that_stays(tmp_path: Path) -> None:
    room, before = Mailroom(tmp_path), gc.get_threshold()
    room.staff("jane", TEAM)
    room.hold(b"one that waits")
    with console_api_of(room) as console, console_of(console) as origin:
        console.grant("jane", "triage")
        visitor = Visitor(origin)
        visitor.enter(console.invite("jane"))
        console.confirm("jane")

        def asked(times: int) -> int:
            for path in ("/", "/held", f"/mailboxes/{TEAM}", f"/schools/{PROVIDER}") * times:
                assert visitor.get(path) == 200, (path, visitor.text)
            searched = gc.get_stats()[2]["collections"]
            gc.collect()
            seen.append(searched)
            return len(gc.get_objects())

        seen: list[int] = []
        try:
            asked(3)
            collect_garbage_rarely()
            first = asked(1)
            later = asked(10)
        finally:
            gc.set_threshold(*before)
        visitor.client.close()
    assert seen[2] - seen[1] == 1, "its own at the end of the first"
    assert later - first < 400, "ten objects a page at most"


def test_no_page_asks_the_registry_without_end(counted: tuple[dict[str, int], dict[str, int]]) -> None:
    assert {path: number for path, number in counted[1].items() if number > MOST} == {}
