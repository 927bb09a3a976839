"""Set up a kit from an invitation: compare it, make keys or use given ones, and write the public ones out."""

import base64
import re
from datetime import datetime
from pathlib import Path

import paramiko
from pydantic import ValidationError

from gateway.errors import GatewayError
from gateway.model.invitation import ProviderInvitation, keys_words
from gateway.openpgp.certificates import CertificateRefused, admit, pinned
from gateway.openpgp.rsa_numbers import check_strength
from gateway.openpgp.sealer import SignatureInvalid, verify_clearsigned
from gateway.send import trust
from gateway.send.files import make_anew
from gateway.send.kit import Kit, KitSettings
from gateway.send.openpgp_key import make_key, read_key
from gateway.send.ssh_key import fingerprint_of, load_ssh_key, make_ssh_key, public_line

_MOST_BYTES = 1024 * 1024
_LEAST_SCORE = 4
_HEADERS = re.compile(
    r"\A\s*-----BEGIN PGP SIGNED MESSAGE-----\n(?:Hash: [^\n]*\n)*\n(?P<text>.*?)-----BEGIN PGP SIG",
    re.DOTALL,
)


def read_invitation(file: Path) -> ProviderInvitation:
    """Return the invitation in a file. GatewayError unless signed by the key it names.

    The invitation counts only once the words are compared: anybody can sign a text that names their own key.
    """
    with file.open("rb") as opened:
        signed = opened.read(_MOST_BYTES).replace(b"\r\n", b"\n").decode("utf-8", "replace").strip() + "\n"
    try:
        found = _HEADERS.match(signed)
        claimed = ProviderInvitation.read(found["text"] if found else "")
        certificate = pinned(claimed.certificate.encode(), claimed.gateway_key)
        return ProviderInvitation.read(verify_clearsigned(signed, [certificate])[0])
    except (ValidationError, ValueError, CertificateRefused, SignatureInvalid):
        raise GatewayError(
            f"{file.name} is no invitation, or was changed on its way: ask the authority for another"
        ) from None


def judge_passphrase(passphrase: str, *names: str) -> None:
    """Raise GatewayError for an easily guessed passphrase, or one made of the names."""
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
    kit: Kit, invited: ProviderInvitation, *, owner: str, ssh_key: Path | None, openpgp_key: Path | None,
    passphrases: tuple[str, str], now: datetime,
) -> None:  # fmt: skip
    """Make the missing keys, and record their paths with the gateway's keys. `passphrases`: OpenPGP, SSH.

    Existing keys are never overwritten. WrongPassphrase for a given key not opened by its passphrase;
    GatewayError for a file without a secret key; Refusal for a key that could not be enrolled.
    """
    kit.make()
    own = kit.root / "openpgp.asc" if openpgp_key is None else openpgp_key.absolute()
    if not own.exists():
        judge_passphrase(passphrases[0], invited.provider, invited.name, owner)
        make_anew(own, make_key(owner, passphrases[0], now).armored)
    login = kit.root / "ssh" if ssh_key is None else ssh_key.absolute()
    if not login.exists():
        judge_passphrase(passphrases[1], invited.provider, invited.name, owner)
        make_ssh_key(login, passphrases[1])
    key = read_key(own.read_bytes())
    key.check(passphrases[0])
    admit(key.certificate, now)
    line = public_line(load_ssh_key(login, passphrases[1]), invited.provider)
    check_strength(line)
    make_anew(kit.certificate, key.certificate)
    make_anew(kit.ssh_public, line.encode())
    accept(kit, invited, KitSettings(provider=invited.provider, ssh_key=login, openpgp_key=own))


def accept(kit: Kit, invited: ProviderInvitation, settings: KitSettings) -> None:
    """Make the kit use the gateway of an invitation, after the person compared the six words."""
    place = {"host": invited.host, "port": invited.port, "host_keys": invited.host_keys}
    kit.write_settings(settings.model_copy(update=place))
    trust.trust(kit, invited.certificate.encode(), invited.gateway_key)


def hand_over(kit: Kit, folder: Path) -> tuple[Path, tuple[str, ...]]:
    """Write both public keys to PROVIDER.keys in a folder; return the path and the six words to read out."""
    settings = kit.settings()
    file = folder / f"{settings.provider}.keys"
    make_anew(file, kit.ssh_public.read_bytes() + kit.certificate.read_bytes())
    kind, body, *_ = kit.ssh_public.read_text("utf-8").split()
    ssh = fingerprint_of(paramiko.PKey.from_type_string(kind, base64.b64decode(body)))
    openpgp = read_key(settings.openpgp_key.read_bytes()).fingerprint
    return file, keys_words(kit.current(), settings.provider, ssh, openpgp)


def check_owner(owner: str) -> str:
    """Return `owner` if it has the form "NAME <E-MAIL>", on one line. GatewayError otherwise."""
    if not re.fullmatch(r"[^<>\n]{2,100} <[^<>\s@]+@[^<>\s@]+>", owner) or not owner.isprintable():
        raise GatewayError(
            'say whose key it is as "NAME <E-MAIL>": "Oak Primary School <office@oak.example>"'
        )
    return owner
