"""Set up a kit, replace its keys and ratify the agreement (docs/schools.md), each as a repeatable step.

A file for /keys or /agreement is stored in the kit before the upload, so an interrupted step resumes with the
same file. A new key is used only after a receipt of acceptance from the gateway.
"""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import UTC, datetime
from pathlib import Path

import paramiko
from pydantic import ValidationError

from gateway.errors import GatewayError
from gateway.model import Stated, stated, with_signatory
from gateway.model.invitation import ProviderInvitation, keys_words
from gateway.openpgp.certificates import CertificateRefused, admit, grouped, pinned
from gateway.openpgp.rsa_numbers import check_strength
from gateway.openpgp.sealer import SignatureInvalid, verify_clearsigned
from gateway.send import receipts, trust
from gateway.send.files import make_anew
from gateway.send.kit import Kit, KitSettings
from gateway.send.openpgp_key import TWO_YEARS, Why, load_key, make_key, renewed, revocation
from gateway.send.passphrases import Which
from gateway.send.receipts import Proved
from gateway.send.sealing import sealed
from gateway.send.sending import CLOCK_AHEAD, ClockWrong, KitAtWork, await_receipts, remote_name
from gateway.send.sent import SentFile, SentTo
from gateway.send.ssh_key import load_ssh_key, make_ssh_key, needs_passphrase, public_line
from gateway.zones import headings

_SHOWN_DIGITS = 16
# Control characters other than tab and line feed, and characters changing the writing direction.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_MOST_BYTES = 1024 * 1024
_LEAST_SCORE = 4
_HEADERS = re.compile(
    r"\A\s*-----BEGIN PGP SIGNED MESSAGE-----\n(?:Hash: [^\n]*\n)*\n(?P<text>.*?)-----BEGIN PGP SIG",
    re.DOTALL,
)


Step = tuple[Proved | None, str]
"""The result of a step: the verified receipt, None if none came yet, and a sentence on what was done."""


def read_invitation(file: Path) -> tuple[ProviderInvitation, datetime]:
    """Return the invitation in a file, and when it was signed, by the key named inside; else GatewayError.

    Trust it only once the six words are compared: anybody can name and sign with a key of their own.
    """
    with file.open("rb") as opened:
        signed = opened.read(_MOST_BYTES).replace(b"\r\n", b"\n").decode("utf-8", "replace").strip() + "\n"
    try:
        found = _HEADERS.match(signed)
        claimed = ProviderInvitation.read(found["text"] if found else "")
        certificate = pinned(claimed.certificate.encode(), claimed.gateway_key)
        text, signature = verify_clearsigned(signed, [certificate])
        return ProviderInvitation.read(text), signature.created_at
    except (ValidationError, ValueError, CertificateRefused, SignatureInvalid):
        raise GatewayError(
            f"{file.name} is no invitation, or was changed on its way, or this computer's clock is slow: set "
            "the clock; if that does not help, ask the authority for another"
        ) from None


def judge_passphrase(passphrase: str, *names: str) -> None:
    """Raise GatewayError for a passphrase easily guessed, or made of `names` known to others."""
    from zxcvbn import zxcvbn  # noqa: PLC0415 - its lists take a while to load

    known = [word for name in names for word in re.findall(r"\w{2,}", name.lower())]
    bare = re.sub(
        "|".join(sorted(map(re.escape, known), key=len, reverse=True)) or r"\Z", "", passphrase.lower()
    )
    for tried in (passphrase, bare):
        found = zxcvbn(tried[:72] or "a", user_inputs=known)
        if found["score"] < _LEAST_SCORE:
            why = found["feedback"]["warning"] or "It is too short, or made of names that others know."
            raise GatewayError(
                f"this passphrase is easily guessed. {why} Take four or five words that have nothing to do "
                "with each other or with you"
            )


def take_keys(
    kit: Kit, invited: ProviderInvitation, made: datetime, *, owner: str, ssh_key: Path | None,
    openpgp_key: Path | None, passphrases: tuple[str, str], now: datetime,
) -> None:  # fmt: skip
    """Set up a kit: make each key for which no file is given, and write kit.toml with the gateway's keys.

    Existing keys are never overwritten. `made`: the time of the invitation. `passphrases` open the OpenPGP
    and the SSH key, in this order. WrongPassphrase if one fails, GatewayError for a file without a secret
    key, Refusal for a key unfit for enrolment.
    """
    kit.make()
    own = kit.root / "openpgp.asc" if openpgp_key is None else openpgp_key.absolute()
    if not own.exists():
        judge_passphrase(passphrases[0], invited.provider, invited.name, owner)
        # As of the invitation, which the gateway's clock dates: this computer's may be ahead.
        make_anew(own, make_key(owner, passphrases[0], made).armored)
    login = kit.root / "ssh" if ssh_key is None else ssh_key.absolute()
    if not login.exists():
        judge_passphrase(passphrases[1], invited.provider, invited.name, owner)
        make_ssh_key(login, passphrases[1])
    key = load_key(own)
    key.check(passphrases[0])
    admit(key.certificate, now)
    line = public_line(load_ssh_key(login, passphrases[1]), invited.provider)
    check_strength(line)
    make_anew(kit.certificate, key.certificate)
    make_anew(kit.ssh_public, line.encode())
    accept(kit, invited, KitSettings(provider=invited.provider, ssh_key=login, openpgp_key=own))


def check_authority(kit: Kit, invited: ProviderInvitation) -> None:
    """Raise GatewayError if a kit sends to another authority than the one that invites.
    If the authority has a new name, a key in the invitation that the kit already trusts shows who it is.
    """
    known = kit.settings().organisation
    if known not in {"", invited.organisation} and not (kit.gateway / f"{invited.gateway_key}.asc").exists():
        raise GatewayError(
            f"this kit sends to {known}: for {invited.organisation}, take a kit of its own, --kit FOLDER, "
            "with your keys or new ones"
        )


def accept(kit: Kit, invited: ProviderInvitation, settings: KitSettings) -> None:
    """Write an invitation's address to kit.toml, and trust its keys, whose six words have been compared."""
    place = {
        "organisation": invited.organisation, "host": invited.host, "port": invited.port,
        "host_keys": invited.host_keys,
    }  # fmt: skip
    kit.write_settings(settings.model_copy(update=place))
    trust.trust(kit, invited.certificate.encode(), invited.gateway_key)


def hand_over(kit: Kit, folder: Path) -> tuple[Path, tuple[str, ...]]:
    """Write both public keys to PROVIDER.keys in a folder; return its path, and six words to read out."""
    settings = kit.settings()
    file = folder / f"{settings.provider}.keys"
    make_anew(file, kit.ssh_public.read_bytes() + kit.certificate.read_bytes())
    kind, body, *_ = kit.ssh_public.read_text("utf-8").split()
    ssh = str(paramiko.PKey.from_type_string(kind, base64.b64decode(body)).fingerprint)
    openpgp = load_key(settings.openpgp_key).fingerprint
    return file, keys_words(kit.current(), settings.provider, ssh, openpgp)


def check_owner(owner: str) -> str:
    """Return `owner` if it has the form "NAME <E-MAIL>", on one line. GatewayError otherwise."""
    if not re.fullmatch(r"[^<>\n]{2,100} <[^<>\s@]+@[^<>\s@]+>", owner) or not owner.isprintable():
        raise GatewayError(
            "this is no e-mail address: write one like office@oak.example "
            '(with --owner: "Oak Primary School <office@oak.example>")'
        )
    return owner


def renew(sender: KitAtWork, now: datetime, seconds: float) -> Step:
    """Extend the OpenPGP key to two years from now, and send it; the gateway accepts a renewal at once."""
    own = renewed(sender.own, sender.signing_passphrase(), now + TWO_YEARS)
    proved = put(sender, "/keys", f"renewed-{own.fingerprint[:_SHOWN_DIGITS]}.asc", own.certificate, seconds)
    # Not before: a clock that is ahead would leave a key whose dates the gateway does not know.
    make_anew(sender.settings.openpgp_key, own.armored)
    make_anew(sender.kit.certificate, own.certificate)
    return proved, f"extended to {now + TWO_YEARS:%Y-%m-%d}"


def rotate(sender: KitAtWork, kind: Which, now: datetime, seconds: float) -> Step:
    """Make a new key, send it signed with the present one, and switch over once the gateway has accepted."""
    following = sender.kit.root / f"{kind}-next"
    signed = sender.kit.root / f"{kind}-next.pgp"
    if not signed.exists():
        public, _ = _following(sender, kind, following, now)
        make_anew(signed, _sealed(sender, stated("key", public)))
    try:
        proved = put(sender, "/keys", f"new-{kind}-key.pgp", signed.read_bytes(), seconds)
    except ClockWrong:  # Both have the wrong time.
        signed.unlink()
        following.unlink()
        raise
    if proved is None or proved.state == "held":
        _, new = _following(sender, kind, following, now)
        return proved, (
            "go on with the present key, and run this again once the authority has confirmed the new one; "
            f"read out, when it rings: {new}"
        )
    if proved.state == "refused":
        signed.unlink()
        following.unlink()
        return proved, "the new key is thrown away; the present one stays"
    if following.exists():
        # Switch to the new key, setting the old one aside. May be repeated after a kill.
        kit, settings = sender.kit, sender.settings
        present = settings.openpgp_key if kind == "openpgp" else settings.ssh_key
        used = kit.root / f"{kind}-{hashlib.sha256(following.read_bytes()).hexdigest()[:_SHOWN_DIGITS]}"
        make_anew(used, following.read_bytes())
        if present != used:  # Else an interrupted run had set it aside.
            make_anew(kit.root / f"{kind}-before", present.read_bytes())
        public, _ = _following(sender, kind, following, now)
        make_anew(kit.certificate if kind == "openpgp" else kit.ssh_public, public.encode())
        kit.write_settings(settings.model_copy(update={f"{kind}_key": used}))
        following.unlink()
    signed.unlink()
    return proved, "the new key is used from now on; the one before it is kept as " + f"{kind}-before"


def revoke(sender: KitAtWork, path: Path, why: Why, seconds: float) -> Step:
    """Revoke the OpenPGP key in a file, the present or an earlier one, for a reason, and tell the gateway."""
    own = load_key(path)
    data = revocation(own, sender.signing_passphrase(), why)
    proved = put(sender, "/keys", f"revoked-{own.fingerprint[:_SHOWN_DIGITS]}.asc", data, seconds)
    return proved, f"{own.fingerprint} is revoked ({why})"


def agreement_text(sender: KitAtWork) -> str:
    """Return the agreement's text as published by the gateway.

    GatewayError if the text is missing, is not signed by the gateway, or has control characters, which can
    hide words on a terminal.
    """
    sender.refresh()
    with sender.session() as sftp:
        found = trust.fetched(sftp, "/agreement/agreement.txt")
    if found is None:
        raise GatewayError("the gateway has no agreement to ratify: ring the authority")
    text = found.decode("utf-8", "replace")
    if not trust.holds_text(sender.kit, text) or _CONTROL.search(text):
        raise GatewayError("this is not the text that the gateway's own key vouches for: ring the authority")
    return text


def ratify(sender: KitAtWork, text: str, name: str, office: str, seconds: float) -> Step:
    """Ratify the agreement: sign its text in the name of a person with an office, and send it."""
    try:
        named = with_signatory(name, office, text)
    except ValueError as error:
        raise GatewayError(str(error)) from None
    signed = _sealed(sender, stated("ratification", named))
    return put(sender, "/agreement", "agreement.txt.pgp", signed, seconds), "signed"


def tell_headings(sender: KitAtWork, stated: Stated, seconds: float) -> Step:
    """Sign meanings of headings, pairs of heading and item's key, and send them for use on later files."""
    text = headings.written(stated)
    return put(sender, "/keys", "headings.txt.pgp", _sealed(sender, text), seconds), text.rstrip()


def put(sender: KitAtWork, folder: SentTo, name: str, data: bytes, seconds: float) -> Proved | None:
    """Put a small file into a folder of the gateway, and wait for the receipt for up to `seconds`.

    Return the verified receipt; None if no receipt has come in that time.
    """
    digest = hashlib.sha256(data).hexdigest()
    with sender.files() as files:
        sent = files.of_content(digest)
        if sent is None:
            make_anew(sender.kit.sealed / digest, data)
            sent = SentFile(
                content_sha256=digest, sealed_sha256=digest, name=name, remote=remote_name(name, digest),
                state="sealed", why="", sealed_at=datetime.now(UTC), folder=folder,
            )  # fmt: skip
            files.add(sent)
        sealed, state = sent.sealed_sha256, sent.state

        def step(sftp: paramiko.SFTPClient) -> None:
            now = files.of_sealed(sealed)
            if now.state == "sealed":
                sender.hand_over(sftp, now, files, sftp.listdir(receipts.FOLDER))
            await_receipts(sender, sftp, [now], files, seconds=seconds)

        if state not in {"accepted", "refused"}:
            sender.retried(step, seconds)
        return receipts.kept(sender.kit, files.of_sealed(sealed))


def _sealed(sender: KitAtWork, text: str) -> bytes:
    """Return a text signed with the provider's OpenPGP key and encrypted to the gateway."""
    with sender.session():  # To learn of a new key of the gateway.
        recipient = sender.kit.current_certificate()
    return sealed(text.encode(), sender.own, sender.signing_passphrase(), recipient)


def _following(sender: KitAtWork, kind: Which, path: Path, now: datetime) -> tuple[str, str]:
    """Make the next key at `path`, if there is none; return its public half and its fingerprint to read out.

    A new SSH key gets the passphrase of the present SSH key or, if unprotected, of the OpenPGP key.
    """
    if kind == "openpgp":
        if not path.exists():
            made = now - CLOCK_AHEAD  # No gateway takes a key from the future.
            make_anew(path, make_key(sender.own.owner, sender.passphrases.of("openpgp"), made).armored)
        own = load_key(path)
        return own.certificate.decode(), grouped(own.fingerprint)
    passphrase = sender.passphrases.of("ssh" if needs_passphrase(sender.settings.ssh_key) else "openpgp")
    if not path.exists():
        make_ssh_key(path, passphrase)
        sender.passphrases.keep("ssh", passphrase)
    key = load_ssh_key(path, passphrase)
    return public_line(key, sender.settings.provider), str(key.fingerprint)
