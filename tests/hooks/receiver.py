"""A receiver of web hooks on the loopback, by https: it checks as docs/api.md shows, fails and hangs."""

from __future__ import annotations

import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import asyncssh
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

import gateway
from tests.ports import free_port

GUIDE = Path(gateway.__file__).parents[1] / "docs" / "api.md"
SECTION = GUIDE.read_text().partition("## Be told of events")[2].partition("\n## ")[0]
(PROGRAM,) = re.findall(r"^```python\n(.+?)^```", SECTION, re.MULTILINE | re.DOTALL)


class Receiver:
    """One address. `status` is what it answers; while `hanging` it answers nothing."""

    def __init__(self, root: Path) -> None:
        self.root, self.port = root, free_port()
        self.key, self.certificate = root / "hook-key", root / "receiver.pem"
        made = asyncssh.generate_private_key("ssh-ed25519")
        made.write_private_key(self.key)
        made.write_public_key(f"{self.key}.pub")
        self.status, self.hanging, self.hangs = 204, False, threading.Event()
        self.interim = 0
        """The number of answers 100 before the one that counts."""
        self.refused = ""
        """The type of messages that are answered with 400, or cut off while `cutting`."""
        self.cutting = False
        self.asked: list[tuple[str, str]] = []
        """The path and the id of every request."""
        self.taken: list[dict[str, Any]] = []
        """The messages that were taken for new."""
        self._certify()
        self.receive = self.program()

    @property
    def address(self) -> str:
        return f"https://127.0.0.1:{self.port}/gateway?sig=secret"

    def program(self, hook: str = "case-files") -> Callable[[Any, bytes], dict[str, Any] | None]:
        """The receiver of the guide for a web hook, which has seen nothing yet."""
        known: dict[str, Any] = {}
        exec(PROGRAM.replace("hook-key.pub", f"{self.key}.pub").replace("case-files", hook), known)
        found: Callable[[Any, bytes], dict[str, Any] | None] = known["receive"]
        return found

    def types(self) -> list[str]:
        return [one["type"] for one in self.taken]

    def _certify(self) -> None:
        key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
        now = datetime.now(UTC)
        loopback = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
        made = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(loopback, critical=True)
            .sign(key, hashes.SHA256())
        )
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        self.certificate.with_suffix(".key").write_bytes(secret)

    @contextmanager
    def up(self) -> Iterator[None]:
        """Serve, in threads."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.asked.append((self.path, self.headers["webhook-id"]))
                for _ in range(receiver.interim):  # An answer that does not end, though each part is in time.
                    self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                    self.wfile.flush()
                    time.sleep(0.01)
                if receiver.hanging:
                    receiver.hangs.set()
                    stopped.wait(60)
                    return
                message = receiver.receive(self.headers, body) if receiver.status == 204 else None
                refused = message is not None and message["type"] == receiver.refused
                if refused and receiver.cutting:
                    return
                if message is not None and not refused:
                    receiver.taken.append(message)
                self.send_response(400 if refused else receiver.status)
                if receiver.status == 302:
                    self.send_header("location", f"https://127.0.0.1:{receiver.port}/elsewhere")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        stopped = threading.Event()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.certificate.with_suffix(".key"))
        server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # type: ignore[method-assign] # a courier that was killed
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            stopped.set()
            server.shutdown()
            thread.join(60)
            server.server_close()
