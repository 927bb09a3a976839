"""The gateway's signed page about its provider: fetch, verify and read."""

import json
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

import lxml.html
import paramiko
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_fixed

from gateway.errors import GatewayError
from gateway.openpgp.sealer import SignatureInvalid, verify_detached
from gateway.send.kit import Kit
from gateway.send.trust import fetched

PAGE, SIGNATURE = "/status.html", "/status.html.asc"
_THREE, _A_SECOND = stop_after_attempt(3), wait_fixed(1)


@dataclass(frozen=True, slots=True)
class FlowTold:
    """The standing of a flow: state in the gateway's words, due day, and time of the last file."""

    data_type: str
    state: str
    due: date | None
    last: datetime | None


@dataclass(frozen=True, slots=True)
class KeyTold:
    """One of the provider's keys: ssh or openpgp, state, and end of validity."""

    kind: str
    state: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class PageTold:
    """The contents of the page at the moment `at`. `ratify`: the year of an agreement to be ratified.

    `provider`: kind, numbers, schools and harmless columns, the basis of checks.
    """

    at: datetime
    flows: tuple[FlowTold, ...]
    waiting: tuple[str, ...]
    keys: tuple[KeyTold, ...]
    ratify: str | None
    provider: dict[str, Any] = field(default_factory=dict)


def told(kit: Kit, sftp: paramiko.SFTPClient) -> PageTold | None:
    """Return the page's contents; None without a page. GatewayError for a bad signature.

    Tries three times: page and signature are two files, and one may be newer for a moment.
    """
    again = Retrying(
        retry=retry_if_exception_type(SignatureInvalid), stop=_THREE, wait=_A_SECOND, reraise=True
    )
    try:
        html = again(_fetched, kit, sftp)
    except SignatureInvalid:
        raise GatewayError(
            f"{PAGE} is not signed by the gateway: do not believe it; try again in a minute, and ring the "
            "authority where it stays so"
        ) from None
    return None if html is None else _own(kit, read(html))


def _own(kit: Kit, page: PageTold) -> PageTold:
    """Return a page about this kit's provider. GatewayError for another provider's.

    Pages of gateways before 0.3 name no provider: the provider's facts are left out.
    """
    named = page.provider.get("id")
    if named is None:
        return replace(page, provider={})
    if named != kit.settings().provider:
        raise GatewayError(f"{PAGE} is about another provider: do not believe it, and ring the authority")
    return page


def _fetched(kit: Kit, sftp: paramiko.SFTPClient) -> bytes | None:
    html, signature = fetched(sftp, PAGE), fetched(sftp, SIGNATURE)
    if html is not None:
        verify_detached(html, signature or b"", [kit.current_certificate()])
    return html


def read(html: bytes) -> PageTold:
    """Return the machine-readable contents of the page. GatewayError for another version's format."""
    page = lxml.html.document_fromstring(html, parser=lxml.html.HTMLParser(encoding="utf-8"))
    try:
        (main,) = page.iter("main")
        return _read(main)
    except (KeyError, ValueError):
        raise GatewayError(
            f"the gateway is of another version than this program: read {PAGE} in your SFTP folder"
        ) from None


def _read(main: lxml.html.HtmlElement) -> PageTold:
    return PageTold(
        at=datetime.fromisoformat(main.attrib["data-at"]),
        flows=tuple(
            FlowTold(
                one.attrib["data-flow"], one.attrib["data-state"], _day(one.attrib["data-due"]),
                _moment(one.attrib["data-last"]),
            )
            for one in main.iterfind(".//dt[@data-flow]")
        ),
        waiting=tuple(one.attrib["data-waits"] for one in main.iterfind(".//dt[@data-waits]")),
        keys=tuple(
            KeyTold(one.attrib["data-key"], one.attrib["data-state"], _moment(one.attrib["data-until"]))
            for one in main.iterfind(".//dt[@data-key]")
        ),
        ratify=next((one.attrib["data-ratify"] for one in main.iterfind(".//p[@data-ratify]")), None),
        provider=json.loads(main.attrib.get("data-provider", "{}")),
    )  # fmt: skip


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
