"""Who takes much of a service waits for those who take little: counted, by a clock that only a test moves.

Service and clients turn in one loop. While its clock stands, whoever was told to wait waits for ever.
What they ask is answered from memory, so that nothing waits for a disk.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from gateway.home import Home
from gateway.intake.server import serve
from gateway.intake.tree import ProviderTree
from gateway.ssh.connection import Connection, FairShare
from tests.clock import Seconds
from tests.intake.running import Running
from tests.ssh.raw import STAT_IN, RawSession

GREEDY, QUIET = "bath", "avon"
SOURCES = {GREEDY: "127.0.0.2", QUIET: "127.0.0.3"}
ASKED = 50  # By the quiet one, each when the one before is answered.
FEW = 5
BUSY = 400  # Requests after which the loop has no time to spare, at what a request is taken to cost.
PIECE = 32 * 1024


class StandingLoop(asyncio.SelectorEventLoop):
    """A loop whose clock stands, until it is let go."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self._at: float | None = super().time()
        super().__init__()

    def time(self) -> float:
        """Seconds, by which timers go off."""
        return super().time() + self._ahead if self._at is None else self._at

    def put_forward(self, seconds: float) -> None:
        """Let so much pass at once, where it stands."""
        if self._at is not None:
            self._at += seconds

    def let_go(self) -> None:
        """Let the clock run from here on."""
        if self._at is not None:
            self._ahead, self._at = self._at - super().time(), None


class Counted:
    """An intake in the loop of the test, and what it did for each client, in its order."""

    def __init__(self, folder: Path) -> None:
        self.loop = StandingLoop()
        self.running = Running(Home(folder / "home"))
        self.answered: list[str] = []  # Of whom.
        self.come: list[str] = []  # From where something came,
        self.read: list[str] = []  # and from where a piece of it was read.

    def run(self, test: Coroutine[Any, Any, None]) -> None:
        """Serve while the test goes on."""

        async def serving() -> None:
            async with self._serving():
                await test

        with asyncio.Runner(loop_factory=lambda: self.loop) as runner:
            runner.run(serving())

    @contextlib.asynccontextmanager
    async def _serving(self) -> AsyncIterator[None]:
        """While it serves. Its clock runs at the end, so that it does end."""
        self.running.publish()
        ready, stop = asyncio.Event(), asyncio.Event()

        def accepting(_host: str, port: int) -> None:
            self.running.port = port
            ready.set()

        home = self.running.home
        task = asyncio.ensure_future(
            serve(home.spool, home.published, host="127.0.0.1", port=0, ready=accepting, stop=stop)
        )
        await ready.wait()
        try:
            yield
        finally:
            self.loop.let_go()
            stop.set()
            await task

    def connect(self, name: str) -> Any:
        """A client at an address of its own."""
        return asyncssh.connect(
            "127.0.0.1", self.running.port, username=name, client_keys=[str(self.running.provider(name))],
            known_hosts=None, config=None, agent_path=None, local_addr=(SOURCES[name], 0),
        )  # fmt: skip


def since(first: str, done: list[str]) -> Counter[str]:
    """What was done for each since something was first done for one of them."""
    return Counter(done[done.index(first) :])


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counted:
    made = Counted(tmp_path)
    monkeypatch.setattr("gateway.ssh.server.FairShare", lambda _: FairShare(made.loop.time))
    find, receive = ProviderTree.find, Connection.data_received
    take_in = asyncssh.SSHServerConnection.data_received

    async def counted(tree: ProviderTree, raw: bytes) -> object:
        made.answered.append(tree.box.provider)
        return await find(tree, raw)

    def come(connection: Connection, data: bytes, datatype: int | None = None) -> None:
        made.come.append(str(connection.get_extra_info("peername")[0]))
        receive(connection, data, datatype)

    def read(connection: asyncssh.SSHServerConnection, data: bytes, datatype: int | None = None) -> None:
        made.read.append(str(connection.get_extra_info("peername")[0]))
        take_in(connection, data, datatype)

    monkeypatch.setattr(ProviderTree, "find", counted)
    monkeypatch.setattr(Connection, "data_received", come)
    monkeypatch.setattr(asyncssh.SSHServerConnection, "data_received", read)
    return made


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn, whether its clock does or not."""
    while not condition():  # noqa: ASYNC110 - what is waited for are turns of the loop
        await asyncio.sleep(0)


def test_who_asked_for_much_waits_until_who_asks_for_little_is_served(service: Counted) -> None:
    """Thousands of requests lie there; those of the other come later, and one by one, and go first."""

    async def test() -> None:
        async with service.connect(GREEDY) as one, service.connect(QUIET) as other:
            greedy, quiet = await RawSession(one).begin(), await RawSession(other).begin()
            greedy.ask(STAT_IN, 10 * BUSY)
            await until(lambda: len(service.answered) >= BUSY)
            await quiet.asks(STAT_IN, ASKED)
            assert since(QUIET, service.answered)[GREEDY] <= FEW
            before = service.answered.count(GREEDY)
            assert before < 2 * BUSY
            service.loop.let_go()
            await until(lambda: service.answered.count(GREEDY) > before + FEW)

    service.run(test())


def test_requests_of_one_session_at_once_let_another_session_have_its_turn(service: Counted) -> None:
    """Also while the loop has time to spare, and nobody has to wait."""

    async def test() -> None:
        async with service.connect(GREEDY) as one, service.connect(QUIET) as other:
            greedy, quiet = await RawSession(one).begin(), await RawSession(other).begin()
            asked = BUSY // 2
            greedy.ask(STAT_IN, asked)
            await quiet.asks(STAT_IN)
            assert service.answered.index(QUIET) < asked // 2
            await until(lambda: service.answered.count(GREEDY) == asked)

    service.run(test())


def test_of_who_sends_much_no_more_is_read_until_who_sends_little_is_served(
    service: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debug messages are no requests; to read a piece of anything is taken to cost a millisecond."""
    read = asyncssh.SSHServerConnection.data_received

    def costly(connection: asyncssh.SSHServerConnection, data: bytes, datatype: int | None = None) -> None:
        read(connection, data, datatype)
        service.loop.put_forward(0.001)

    monkeypatch.setattr(asyncssh.SSHServerConnection, "data_received", costly)

    async def test() -> None:
        async with service.connect(GREEDY) as one, service.connect(QUIET) as other:
            quiet = await RawSession(other).begin()
            service.loop.put_forward(10)  # What the logins cost is forgotten.
            first = len(service.read)
            pieces = 600
            for _ in range(pieces):
                one.send_debug(PIECE * "x")
            await until(lambda: service.read[first:].count(SOURCES[GREEDY]) >= pieces // 2)
            before, come = len(service.read), len(service.come)
            await quiet.asks(STAT_IN, ASKED)
            assert since(SOURCES[QUIET], service.read[before:])[SOURCES[GREEDY]] <= FEW
            assert since(SOURCES[QUIET], service.come[come:])[SOURCES[GREEDY]] <= FEW, "it lies in memory"
            service.loop.let_go()
            await until(lambda: service.read[first:].count(SOURCES[GREEDY]) >= pieces)

    service.run(test())


# The shares by themselves.


def test_nobody_waits_while_the_loop_has_time_to_spare() -> None:
    shares = FairShare(clock := Seconds())
    shares.spend("quiet", 0.001)
    for _ in range(1_000):
        assert shares.spend("greedy", 0.003) == 0
        clock.now += 0.01


def test_whoever_is_alone_never_waits() -> None:
    shares = FairShare(clock := Seconds())
    for _ in range(1_000):
        assert shares.spend("greedy", 0.01) == 0
        clock.now += 0.01


def test_in_a_busy_loop_whoever_spent_most_waits_a_little_and_others_do_not() -> None:
    shares = FairShare(clock := Seconds())
    shares.spend("greedy", 0.2)
    assert shares.spend("quiet", 0.001) == 0
    assert 0 < shares.spend("greedy", 0.001) <= 0.25
    assert shares.spend("quiet", 0.001) == 0
    clock.now += 1
    assert shares.spend("greedy", 0.001) == 0
