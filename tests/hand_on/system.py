"""The SFTP server of a system of the authority, on the loopback; it can hang, and change its host key."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncssh

from tests.ports import free_port


class System:
    """One system; `folder` is what its users see. While `hanging`, a file of that beginning never ends."""

    def __init__(self, root: Path, user_key: Path | None = None) -> None:
        self.folder = root / "system"
        self.folder.mkdir()
        self.port = free_port()
        self.user_key = user_key or root / "hand-on-key"
        if user_key is None:
            asyncssh.generate_private_key("ssh-ed25519").write_private_key(self.user_key)
        key = asyncssh.read_private_key(str(self.user_key))
        self._allowed = asyncssh.import_authorized_keys(key.export_public_key().decode())
        self.host_key = asyncssh.generate_private_key("ssh-ed25519")
        self.hanging = ""
        self.hangs = threading.Event()

    @property
    def pinned(self) -> str:
        return " ".join(self.host_key.export_public_key().decode().split()[:2])

    @contextmanager
    def up(self) -> Iterator[None]:
        """Serve, in a thread."""
        ready, stop, loops = threading.Event(), asyncio.Event(), list[asyncio.AbstractEventLoop]()
        system = self

        class Server(asyncssh.SFTPServer):
            def __init__(self, channel: Any) -> None:
                super().__init__(channel, chroot=str(system.folder).encode())
                self._names = dict[Any, bytes]()

            def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
                opened = super().open(path, pflags, attrs)
                self._names[opened] = path
                return opened

            async def write(self, file_obj: object, offset: int, data: bytes) -> int:
                name = self._names[file_obj].rpartition(b"/")[2].decode()
                if system.hanging and name.startswith(system.hanging):
                    system.hangs.set()
                    await asyncio.sleep(3600)
                return super().write(file_obj, offset, data)

        async def main() -> None:
            loops.append(asyncio.get_running_loop())
            server = await asyncssh.listen(
                "127.0.0.1", self.port, server_host_keys=[self.host_key], sftp_factory=Server,
                authorized_client_keys=self._allowed,
            )  # fmt: skip
            ready.set()
            await stop.wait()
            server.close()

        thread = threading.Thread(target=lambda: asyncio.run(main()))
        thread.start()
        assert ready.wait(60)
        try:
            yield
        finally:
            loops[0].call_soon_threadsafe(stop.set)
            thread.join(60)

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())
