"""What docs/schools.md says of replacing keys and of the agreement, each as one step that may be repeated.

Whatever is put into /keys or /agreement lies here before it leaves, so that a step that was cut off is taken
up with the very same file. A new key is used only once a receipt says that it is in force.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import paramiko

from gateway.errors import GatewayError
from gateway.model.content import Stated
from gateway.model.statements import stated
from gateway.openpgp.certificates import grouped
from gateway.send import policies, receipts, trust
from gateway.send.files import make_anew
from gateway.send.openpgp_key import Why, make_key, read_key, renewed, revocation
from gateway.send.receipts import Proved
from gateway.send.sealing import Sealer
from gateway.send.sending import KitAtWork, await_receipts, remote_name
from gateway.send.sent import SentFile, SentFiles, SentTo
from gateway.send.ssh_key import fingerprint_of, load_ssh_key, make_ssh_key, needs_passphrase, public_line
from gateway.zones import headings

YEARS = timedelta(days=2 * 365)
_SHOWN_DIGITS = 16
# The control characters other than tab and line feed, and those that turn the direction of writing.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
Kind = Literal["openpgp", "ssh"]


@dataclass(frozen=True, slots=True)
class Step:
    """What the gateway says of a step, None while it has not said anything; and what was done here."""

    proved: Proved | None
    done: str


def renew(sender: KitAtWork, now: datetime, seconds: float) -> Step:
    """Extend the OpenPGP key to two years from now, and tell the gateway, which takes it at once."""
    own = renewed(sender.own, sender.signing_passphrase(), now + YEARS)
    make_anew(sender.settings.openpgp_key, own.armored)
    make_anew(sender.kit.certificate, own.certificate)
    name = f"renewed-{own.fingerprint[:_SHOWN_DIGITS]}.asc"
    return Step(put(sender, "/keys", name, own.certificate, seconds), f"extended to {now + YEARS:%Y-%m-%d}")


def rotate(sender: KitAtWork, kind: Kind, now: datetime, seconds: float) -> Step:
    """Make a new key and hand it in, signed with the present one; or go over to it, once it is in force."""
    following = sender.kit.root / f"{kind}-next"
    signed = sender.kit.root / f"{kind}-next.pgp"
    if not signed.exists():
        public = _next_openpgp(sender, following, now) if kind == "openpgp" else _next_ssh(sender, following)
        make_anew(signed, _sealed(sender, stated("key", public)))
    proved = put(sender, "/keys", f"new-{kind}-key.pgp", signed.read_bytes(), seconds)
    if proved is None or proved.state == "held":
        new = _fingerprint(sender, kind, following)
        return Step(
            proved,
            "go on with the present key, and run this again once the authority has confirmed the new one; "
            f"read out, when it rings: {new}",
        )
    if proved.state == "refused":
        signed.unlink()
        following.unlink()
        return Step(proved, "the new key is thrown away; the present one stays")
    if following.exists():
        _go_over(sender, kind, following)
    signed.unlink()
    return Step(proved, "the new key is used from now on; the one before it is kept as " + f"{kind}-before")


def revoke(sender: KitAtWork, path: Path, why: Why, seconds: float) -> Step:
    """Revoke the OpenPGP key at `path`: the present one, or the one before it."""
    own = read_key(path.read_bytes())
    data = revocation(own, sender.signing_passphrase(), why)
    proved = put(sender, "/keys", f"revoked-{own.fingerprint[:_SHOWN_DIGITS]}.asc", data, seconds)
    return Step(proved, f"{own.fingerprint} is revoked ({why})")


def agreement_text(sender: KitAtWork) -> str:
    """The agreement's text, as it lies at the gateway.

    GatewayError where there is none, where it is none of the texts that the gateway has signed, and where it
    holds what a terminal would obey: whoever serves it may not be the gateway.
    """
    found: list[bytes | None] = []
    with sender.session() as sftp:
        found.append(trust.fetched(sftp, "/agreement/agreement.txt"))
    if found[0] is None:
        raise GatewayError("the gateway has no agreement to ratify: ring the authority")
    text = found[0].decode("utf-8", "replace")
    if not policies.holds_text(sender.kit, text) or _CONTROL.search(text):
        raise GatewayError("this is not the text that the gateway's own key vouches for: ring the authority")
    return text


def ratify(sender: KitAtWork, text: str, seconds: float) -> Step:
    """Sign the agreement's text, as an agreement and nothing else, and hand the signed copy in."""
    signed = _sealed(sender, stated("ratification", text))
    return Step(put(sender, "/agreement", "agreement.txt.pgp", signed, seconds), "signed")


def tell_headings(sender: KitAtWork, stated: Stated, seconds: float) -> Step:
    """Sign what headings mean, each with the key of an item, and hand it in: it counts for later files."""
    text = headings.written(stated)
    return Step(put(sender, "/keys", "headings.txt.pgp", _sealed(sender, text), seconds), text.rstrip())


def put(sender: KitAtWork, folder: SentTo, name: str, data: bytes, seconds: float) -> Proved | None:
    """Put a small file into a folder of the gateway's, and what its receipt says; None without one yet."""
    with sender.files() as files:
        sent = _noted(sender, files, folder, name, data)

        def step(sftp: paramiko.SFTPClient) -> None:
            now = files.of_sealed(sent.sealed_sha256)
            if now.state == "sealed":
                sender.hand_over(sftp, now, files, receipts.listed(sftp))
            await_receipts(sender, sftp, [now], files, seconds=seconds)

        if sent.state not in {"accepted", "refused"}:
            sender.retried(step, seconds)
        return receipts.kept(sender.kit, files.of_sealed(sent.sealed_sha256))


def _sealed(sender: KitAtWork, text: str) -> bytes:
    """A text signed with the present key and encrypted, as the gateway takes it in these folders, too."""
    with sender.session():  # So that a new key of the gateway's is known.
        recipient = sender.recipient()
    return Sealer(sender.own, sender.signing_passphrase(), recipient).sealed(text.encode())


def _noted(sender: KitAtWork, files: SentFiles, folder: SentTo, name: str, data: bytes) -> SentFile:
    """The row of what is put there: the one that there is, where it was begun before."""
    digest = hashlib.sha256(data).hexdigest()
    known = files.of_content(digest)
    if known is not None:
        return known
    make_anew(sender.kit.sealed / digest, data)
    sent = SentFile(
        content_sha256=digest, sealed_sha256=digest, name=name, remote=remote_name(name, digest),
        state="sealed", why="", sealed_at=datetime.now(UTC), folder=folder,
    )  # fmt: skip
    files.add(sent)
    return sent


def _next_openpgp(sender: KitAtWork, following: Path, now: datetime) -> str:
    if not following.exists():
        made = make_key(sender.own.owner, sender.passphrases.of("openpgp"), now)
        make_anew(following, made.armored)
    return read_key(following.read_bytes()).certificate.decode()


def _next_ssh(sender: KitAtWork, following: Path) -> str:
    passphrase = _login(sender)
    if not following.exists():
        make_ssh_key(following, passphrase)
        sender.passphrases.keep("ssh", passphrase)
    return public_line(load_ssh_key(following, passphrase), sender.settings.provider)


def _fingerprint(sender: KitAtWork, kind: Kind, following: Path) -> str:
    """That of a new key, as it is read out and compared."""
    if kind == "openpgp":
        return grouped(read_key(following.read_bytes()).fingerprint)
    return fingerprint_of(load_ssh_key(following, _login(sender)))


def _go_over(sender: KitAtWork, kind: Kind, following: Path) -> None:
    """Use the new key; the one before it stays, aside. May be repeated after a kill."""
    kit, settings = sender.kit, sender.settings
    present = settings.openpgp_key if kind == "openpgp" else settings.ssh_key
    used = kit.root / f"{kind}-{hashlib.sha256(following.read_bytes()).hexdigest()[:_SHOWN_DIGITS]}"
    make_anew(used, following.read_bytes())
    make_anew(kit.root / f"{kind}-before", present.read_bytes())
    field = {"openpgp": "openpgp_key", "ssh": "ssh_key"}[kind]
    public: dict[Kind, Callable[[], None]] = {
        "openpgp": lambda: make_anew(kit.certificate, read_key(used.read_bytes()).certificate),
        "ssh": lambda: make_anew(
            kit.ssh_public, public_line(load_ssh_key(used, _login(sender)), settings.provider).encode()
        ),
    }
    public[kind]()
    kit.change(**{field: used})
    following.unlink()


def _login(sender: KitAtWork) -> str:
    """The passphrase of the SSH key; of the other key, where the SSH key has none."""
    return sender.passphrases.of("ssh" if needs_passphrase(sender.settings.ssh_key) else "openpgp")
