"""What hostile clients do, each for a few seconds, as a process of its own.

Called as ATTACK PORT KEY SECONDS AIM NUMBER.

They come from 127.0.0.2, with the lowest priority, so that what is measured is what they cost the
service and not what they take away from the good client on the same machine. Prints what happened as
JSON.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import random
import signal
import struct
import sys
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

import asyncssh

from tests.intake.running import SEALED

PATIENCE = 60.0  # Seconds; this process has the lowest priority, so others may leave it little time.
SOURCE = ("127.0.0.2", 0)
_PAUSE_SECONDS = 0.001
GONE = (OSError, asyncssh.Error, asyncio.IncompleteReadError, EOFError, ConnectionError)


class Attack:
    """Where to, as whom (a provider's key), and until when: SIGTERM, or `seconds` after it saw something.

    On a busy machine it goes on until it saw `aim` so many times, or until that cannot be hoped for.
    """

    def __init__(self, port: int, key: str, seconds: float, aim: tuple[str, int]) -> None:
        self.port = port
        self.key = key
        self.seconds = seconds
        self.aim = aim
        self.since = time.monotonic()
        self.is_enough = False
        self.seen: Counter[str] = Counter()
        self.random = random.Random(7)

    @property
    def on(self) -> bool:
        passed = time.monotonic() - self.since
        what, number = self.aim
        goes_on = passed < self.seconds and not self.is_enough
        return goes_on or (self.seen[what] < number and passed < self.seconds + PATIENCE)

    def enough(self) -> None:
        self.is_enough = True

    async def go_on(self, attacking: asyncio.Task[None]) -> None:
        """Say when it begins to be felt, and end it when it is over."""
        while not self.seen and self.on and not attacking.done():
            await asyncio.wait([attacking], timeout=0.01)
        print("begun", flush=True)
        self.since = time.monotonic()
        while self.on and not attacking.done():
            await asyncio.wait([attacking], timeout=0.02)
        attacking.cancel()
        await asyncio.wait([attacking], timeout=2)
        if attacking.done() and not attacking.cancelled():
            attacking.result()  # What went wrong in the attack itself is not overlooked.

    async def raw(
        self, source: tuple[str, int] = SOURCE
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port, local_addr=source)

    def login(self, **options: Any) -> Any:
        return asyncssh.connect(
            "127.0.0.1", self.port, username="bath", client_keys=[options.pop("key", self.key)],
            known_hosts=None, config=None, agent_path=None, local_addr=SOURCE, **options,
        )  # fmt: skip

    async def many(self, number: int, one: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """`number` tasks that do `one` again and again; whoever is thrown out tries again.

        All together they try a thousand times a second at most: more would be a load on the machine alone.
        """

        async def again() -> None:
            while self.on:
                try:
                    await one()
                except GONE:
                    self.seen["thrown out"] += 1
                    await asyncio.sleep(number * _PAUSE_SECONDS)

        await asyncio.gather(*(again() for _ in range(number)))


async def login_flood(attack: Attack) -> None:
    stranger = asyncssh.generate_private_key("ssh-ed25519")

    async def one() -> None:
        attack.seen["tries"] += 1
        async with attack.login(key=stranger):
            attack.seen["let in"] += 1

    await attack.many(20, one)


async def silent(attack: Attack) -> None:
    async def one() -> None:
        reader, writer = await attack.raw()
        try:
            attack.seen["connections"] += 1
            while await reader.read(100):
                attack.seen["heard"] += 1
            raise EOFError
        finally:
            writer.close()

    await attack.many(300, one)


async def reopening(attack: Attack) -> None:
    """Silent connections from ten addresses, each opened anew before it is old enough to give way."""
    sources = itertools.cycle((f"127.0.1.{number}", 0) for number in range(1, 11))

    async def one() -> None:
        reader, writer = await attack.raw(next(sources))
        try:
            attack.seen["connections"] += 1
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2):
                    while await reader.read(100):
                        pass
        finally:
            writer.close()

    await attack.many(300, one)


async def connect_and_leave(attack: Attack) -> None:
    async def one() -> None:
        _, writer = await attack.raw()
        attack.seen["connections"] += 1
        writer.close()

    await attack.many(20, one)


async def slow_loris(attack: Attack) -> None:
    async def one() -> None:
        async with attack.login() as connection, connection.start_sftp_client() as client:
            files = [await client.open(f"/in/slow {n} {id(client)}", "wb") for n in range(30)]
            attack.seen["files"] += len(files)
            offset = 0
            while attack.on:
                for file in files:
                    await file.write(SEALED[offset % len(SEALED) :][:1], offset)
                offset += 1
                await asyncio.sleep(0.05)

    await attack.many(2, one)


async def handles(attack: Attack) -> None:
    async def one() -> None:
        async with attack.login() as connection, connection.start_sftp_client() as client:
            kept = []
            for number in range(1_000):
                try:
                    kept.append(await client.open(f"/in/{id(client)}-{number}", "wb"))
                    attack.seen["opened"] += 1
                except asyncssh.SFTPError as error:
                    attack.seen[error.reason] += 1
            while attack.on:
                with contextlib.suppress(asyncssh.SFTPError):
                    await client.open(f"/in/{id(client)}-x", "wb")

    await attack.many(4, one)


async def sessions(attack: Attack) -> None:
    async def one() -> None:
        async with attack.login() as connection:
            kept = []
            for _ in range(1_000):
                if not attack.on:
                    return
                try:
                    kept.append(await connection.start_sftp_client())
                    attack.seen["sessions"] += 1
                except asyncssh.ChannelOpenError:
                    attack.seen["refused"] += 1

    await attack.many(8, one)


async def listings(attack: Attack) -> None:
    """Listings of a folder with thousands of names, again and again, on many sessions."""

    async def one() -> None:
        async with attack.login() as connection, connection.start_sftp_client() as client:
            while attack.on:
                attack.seen["listings"] += 1
                async for _ in client.scandir("/receipts"):
                    attack.seen["names"] += 1

    await attack.many(16, one)


async def requests(attack: Attack) -> None:
    """As many requests as the connection takes, none of whose answers is waited for."""

    async def one() -> None:
        async with attack.login() as connection:
            writer, reader, _ = await connection.open_session(subsystem="sftp", encoding=None)
            writer.write(struct.pack(">IBI", 5, 1, 3))
            path = b"/in/" + b"x" * 200
            request = struct.pack(">BII", 17, 1, len(path)) + path
            burst = (struct.pack(">I", len(request)) + request) * 200
            reading = asyncio.ensure_future(_read_all(reader))
            try:
                while attack.on:
                    writer.write(burst)
                    attack.seen["requests"] += 200
                    await writer.drain()
                    await asyncio.sleep(0)
            finally:
                reading.cancel()

    await attack.many(16, one)


async def _read_all(reader: Any) -> None:
    while await reader.read(65536):
        pass


async def rekeys(attack: Attack) -> None:
    async def one() -> None:
        async with attack.login(rekey_bytes=1_000) as connection, connection.start_sftp_client() as client:
            while attack.on:
                await client.stat("/in")
                attack.seen["requests"] += 1

    await attack.many(8, one)


async def noise_before_login(attack: Attack) -> None:
    """Random bytes, random packets, a mutated key exchange."""

    async def one() -> None:
        reader, writer = await attack.raw()
        try:
            attack.seen["connections"] += 1
            kind = attack.random.randrange(4)
            noise = attack.random.randbytes(attack.random.randrange(1, 4_000))
            if kind:
                writer.write(b"SSH-2.0-x\r\n")
            if kind == 2:
                noise = struct.pack(">IB", len(noise), attack.random.randrange(256)) + noise
            elif kind == 3:
                noise = struct.pack(">IBB", attack.random.randrange(2**32), 4, 20) + noise
            writer.write(noise)
            await asyncio.wait_for(reader.read(-1), 1)
        finally:
            writer.close()

    await attack.many(10, one)


async def noise_after_login(attack: Attack) -> None:
    """SFTP packets of random kinds, lengths and contents."""

    async def one() -> None:
        async with attack.login() as connection:
            writer, reader, _ = await connection.open_session(subsystem="sftp", encoding=None)
            reading = asyncio.ensure_future(_read_all(reader))
            writer.write(struct.pack(">IBI", 5, 1, 3))
            try:
                while attack.on:
                    body = attack.random.randbytes(attack.random.randrange(200))
                    length = (
                        len(body) + 1 if attack.random.random() < 0.95 else attack.random.randrange(2**32)
                    )
                    writer.write(struct.pack(">IB", length, attack.random.randrange(256)) + body)
                    attack.seen["packets"] += 1
                    await writer.drain()
                    await asyncio.sleep(0)
                    if reader.at_eof():
                        break
            finally:
                reading.cancel()

    await attack.many(8, one)


async def channels(attack: Attack) -> None:
    """Everything but SFTP: commands, shells, terminals, forwarding of ports, agents and displays."""

    async def one() -> None:
        async with attack.login() as connection:
            for ask in (
                lambda: connection.create_process("id"),
                connection.create_process,
                lambda: connection.create_process(subsystem="netconf"),
                lambda: connection.open_connection("127.0.0.1", 22),
                lambda: connection.forward_remote_port("", 0, "127.0.0.1", 22),
                lambda: connection.open_unix_connection("/run/x"),
                lambda: connection.forward_remote_path("/tmp/x", "/tmp/y"),
            ):
                try:
                    await ask()
                    attack.seen["ALLOWED"] += 1
                except (asyncssh.ChannelOpenError, asyncssh.ChannelListenError):
                    attack.seen["refused"] += 1

    await attack.many(8, one)


ATTACKS = {
    one.__name__: one
    for one in (
        login_flood, silent, reopening, connect_and_leave, slow_loris, handles, sessions, listings,
        requests, rekeys, noise_before_login, noise_after_login, channels,
    )
}  # fmt: skip


def main() -> None:
    name, port, key, seconds, what, number = sys.argv[1:]
    os.nice(19)
    attack = Attack(int(port), key, float(seconds), (what, int(number)))

    async def run() -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, attack.enough)
        await attack.go_on(asyncio.ensure_future(ATTACKS[name](attack)))
        print(json.dumps(attack.seen), flush=True)

    asyncio.run(run())


if __name__ == "__main__":
    main()
