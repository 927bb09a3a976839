"""The console of the clean root by HTTPS, with the settings of docs/console.md as they are written there.

Runs after docs/operations.md was followed: behind each reverse proxy of Debian, and directly.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.console.by_https import certificate_at, shown
from tests.production.follow import HOME, Newcomer

pytestmark = [
    pytest.mark.install,
    pytest.mark.root,
    pytest.mark.timeout(900),
    pytest.mark.needs("mmdebstrap", "nsenter", "unshare", "ip", "pgrep", "setpriv"),
]
NAME = "gateway.example.gov.uk"
ORIGIN = f"https://{NAME}"
OURS, KEY = "/etc/gateway/console.pem", "/etc/gateway/console-key.pem"
SERVES = "gateway-console.service"


@pytest.fixture(scope="module")
def certified(newcomer: Newcomer) -> Iterator[Newcomer]:
    """A certificate lies where the guide says, and the far side trusts it; the settings are put back."""
    settings = newcomer.root.folder / HOME.lstrip("/") / "gateway.toml"
    before = settings.read_text()
    certificate_at(newcomer.root.folder / "root", NAME)
    for command in shown("console-key.pem /etc/gateway/").splitlines():
        newcomer.root.type(f"cd /root && {command}")
    yield newcomer
    settings.write_text(before)
    newcomer.root.type("systemctl revert gateway-console.socket && systemctl restart gateway-console.socket")
    newcomer.root.type(f"systemctl restart gateway-mailboxes {SERVES}")


def configure(newcomer: Newcomer, *, directly: bool) -> None:
    """The settings of the guide: `proxies` or, as its comments have it, the certificate."""
    block = shown('origin = "https://')
    if directly:
        lines = [line for line in block.splitlines() if not line.startswith("proxies")]
        block = "\n".join(line.removeprefix("# ") for line in lines) + "\n"
    settings = newcomer.root.folder / HOME.lstrip("/") / "gateway.toml"
    rest = re.sub(r"(?ms)^\[console\].*?(?=^\[|\Z)", "", settings.read_text())
    settings.write_text(f"{rest.rstrip()}\n\n{block}")
    newcomer.root.type(f"systemctl restart gateway-mailboxes {SERVES}")
    newcomer.await_running(SERVES, restarts=0)


def comes_in(newcomer: Newcomer) -> None:
    """Jane follows her link by HTTPS, makes a passkey, and is shown what there is."""
    said = newcomer.admin("staff", "invite", "jane")
    link = re.search(rf"{re.escape(ORIGIN)}/invitation#(\S+)", said)
    assert link is not None, said
    code = link[1]
    newcomer.ask(f"console {ORIGIN} {OURS} {code}")


def put(newcomer: Newcomer, path: str, text: str) -> Path:
    place = newcomer.root.folder / path.lstrip("/")
    place.write_text(text)
    return place


def test_behind_haproxy(certified: Newcomer) -> None:
    root = certified.root
    root.type("apt-get install --yes haproxy", network=True)
    configure(certified, directly=False)
    root.type(
        f"install -m 0600 /dev/null /etc/haproxy/gateway.pem; cat {OURS} {KEY} >/etc/haproxy/gateway.pem"
    )
    shipped = (root.folder / "etc/haproxy/haproxy.cfg").read_text()
    put(certified, "/etc/haproxy/haproxy.cfg", f"{shipped}\n{shown('frontend https')}")
    root.type("systemctl restart haproxy")
    comes_in(certified)
    root.type("systemctl stop haproxy")


def test_behind_nginx(certified: Newcomer) -> None:
    root = certified.root
    root.type("apt-get install --yes nginx", network=True)
    configure(certified, directly=False)
    server = f"listen 443 ssl; ssl_certificate {OURS}; ssl_certificate_key {KEY};\n{shown('location /')}"
    put(certified, "/etc/nginx/conf.d/gateway.conf", f"server {{ {server} }}\n")
    root.type("systemctl restart nginx")
    comes_in(certified)
    root.type("systemctl stop nginx")


def test_directly_with_a_certificate(certified: Newcomer) -> None:
    configure(certified, directly=True)
    certified.edit("gateway-console.socket", "ListenStream=", "ListenStream=0.0.0.0:443")
    certified.root.type(f"systemctl stop {SERVES} && systemctl restart gateway-console.socket")
    comes_in(certified)
    told = certified.root.journal("--unit=gateway-console", "--output=cat")
    for word in ("Traceback", "Permission denied", "Operation not permitted", "Read-only file system"):
        assert word not in told, told[-2000:]
