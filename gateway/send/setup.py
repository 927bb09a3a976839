"""Set up a kit: make or take keys, hand over the public ones, and compare the gateway's keys."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import paramiko

from gateway.errors import GatewayError
from gateway.send import trust
from gateway.send.connection import NotTheGateway, host_key_of, session
from gateway.send.files import make_anew
from gateway.send.kit import Kit, KitSettings
from gateway.send.openpgp_key import make_key, read_key
from gateway.send.ssh_key import fingerprint_of, load_ssh_key, make_ssh_key, public_line

_LETTERS = re.compile(r"[^0-9a-f]")


@dataclass(frozen=True, slots=True)
class HandOver:
    """The files for the authority, and the fingerprints to read out."""

    ssh_public: Path
    certificate: Path
    ssh_fingerprint: str
    openpgp_fingerprint: str


def take_keys(
    kit: Kit, *, provider: str, owner: str, ssh_key: Path | None, openpgp_key: Path | None,
    passphrases: tuple[str, str], now: datetime,
) -> HandOver:  # fmt: skip
    """Make the missing keys, and note both. `passphrases`: of the OpenPGP and of the SSH key.

    Existing keys are never overwritten. WrongPassphrase for a given key not opened by its passphrase;
    GatewayError for a file without a secret key.
    """
    kit.make()
    own = kit.root / "openpgp.asc" if openpgp_key is None else openpgp_key.absolute()
    if not own.exists():
        make_anew(own, make_key(owner, passphrases[0], now).armored)
    login = kit.root / "ssh" if ssh_key is None else ssh_key.absolute()
    if not login.exists():
        make_ssh_key(login, passphrases[1])
    key = read_key(own.read_bytes())
    key.check(passphrases[0])
    make_anew(kit.certificate, key.certificate)
    make_anew(kit.ssh_public, public_line(load_ssh_key(login, passphrases[1]), provider).encode())
    kit.write_settings(KitSettings(provider=provider, ssh_key=login, openpgp_key=own))
    return handed_over(kit)


def handed_over(kit: Kit) -> HandOver:
    """Return the files and fingerprints of this kit for the authority."""
    kind, body, *_ = kit.ssh_public.read_text("utf-8").split()
    return HandOver(
        ssh_public=kit.ssh_public,
        certificate=kit.certificate,
        ssh_fingerprint=fingerprint_of(paramiko.PKey.from_type_string(kind, base64.b64decode(body))),
        openpgp_fingerprint=read_key(kit.settings().openpgp_key.read_bytes()).fingerprint,
    )


def place_of(address: str, port: int) -> tuple[str, int]:
    """Return host and port of an address HOST, HOST:PORT or [IPV6]:PORT; by default `port`."""
    named = re.fullmatch(r"\[?([^\[\]]+)\]?:([0-9]{1,5})", address)
    if named is None or (":" in named[1] and not address.startswith("[")):
        return address.strip("[]"), port
    return named[1], int(named[2])


def meet(kit: Kit, host: str, port: int, told: str) -> KitSettings:
    """Note the gateway's address, if its host key matches the fingerprint told by telephone.

    NotTheGateway for another host key.
    """
    shown = host_key_of(host, port)
    if told.strip().rstrip("=") != shown:
        raise NotTheGateway(
            f"{host} shows the host key {shown}, and you were told {told.strip()}: do not go on, and ring "
            "the authority"
        )
    return kit.change(host=host, port=port, host_keys=(shown,))


def compare(kit: Kit, key: paramiko.PKey, told: str) -> str:
    """Fetch the gateway's certificate and trust it, if its fingerprint is the one told by telephone."""
    with session(kit.settings(), key) as sftp:
        data = trust.fetched(sftp, trust.CERTIFICATE)
    trust.trust(kit, data or b"", _LETTERS.sub("", told.lower()))
    return _LETTERS.sub("", told.lower())


def check_owner(owner: str) -> str:
    """Return `owner` if "NAME <E-MAIL>" on one line; else GatewayError."""
    if not re.fullmatch(r"[^<>\n]{2,100} <[^<>\s@]+@[^<>\s@]+>", owner) or not owner.isprintable():
        raise GatewayError(
            'say whose key it is as "NAME <E-MAIL>": "Oak Primary School <office@oak.example>"'
        )
    return owner
