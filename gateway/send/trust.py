"""Follow the gateway's changes of key, and fetch what it signs: the page on the provider, and the policies.

A new certificate is trusted only if the key of a trusted one has named it as the successor. The policies, and
the facts on the page, are stored in checked-by.json, with their dates, if the present key of the gateway has
signed them. Older policies or facts never replace newer ones.
"""

import json
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import lxml.html
import paramiko
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_fixed

from gateway.errors import GatewayError
from gateway.openpgp.certificates import CertificateRefused, describe, pinned, split
from gateway.openpgp.sealer import SignatureInvalid, verify_clearsigned, verify_detached
from gateway.send.files import make_anew
from gateway.send.kit import Kit
from gateway.verify.verify_files import listed_keys

_MOST_BYTES = 1024 * 1024
# The whole text that an old key signs (`keys.rotation.succession_text`), and not a part of it: the gateway
# also signs texts with names that others chose, who might put such a part in.
_SUCCESSION_TEXT = re.compile(
    r"The gateway of [^\n]+ has a new OpenPGP key since \d{4}-\d\d-\d\d\.\n\n"
    r"old-key: (?P<old>[0-9a-f]{40,64})\nnew-key: (?P<new>[0-9a-f]{40,64})\n\n"
    r"The new one, as it is read out on the telephone:\n\n    [0-9A-Fa-f ]+\n\n"
    r"Encrypt to this certificate from now on:\n\n"
    r"(?P<certificate>-----BEGIN PGP PUBLIC KEY BLOCK-----\n[A-Za-z0-9+/=:., ()\n-]+"
    r"-----END PGP PUBLIC KEY BLOCK-----)\s*"
)
KEYS = "/keys"
CERTIFICATE, SUCCESSION = f"{KEYS}/gateway.asc", f"{KEYS}/gateway-succession.asc"
LOG_KEYS = f"{KEYS}/gateway-log-keys.asc"
_EARLIER = re.compile(r"gateway-[0-9a-f]{16}-succession\.asc")
_MOST_EARLIER = 20


def fetched(sftp: paramiko.SFTPClient, path: str, most: int = _MOST_BYTES) -> bytes | None:
    """Return the first `most` bytes of a file at the gateway; None if there is no such file."""
    try:
        with sftp.open(path, "rb") as file:
            data: bytes = file.read(most)
    except FileNotFoundError:
        return None
    return data


def follow(kit: Kit, sftp: paramiko.SFTPClient) -> None:
    """Trust the gateway's present key, if a chain of successors leads there from the key trusted so far.

    Fetch the list of the log's keys as well. GatewayError for any other key, and for an earlier one: nothing
    is encrypted to a replaced key again.
    """
    data = fetched(sftp, CERTIFICATE)
    if data is None:
        raise GatewayError(f"the gateway has no {CERTIFICATE}: ring the authority")
    shown = describe(data, datetime.now(UTC)).fingerprint
    current = kit.current()
    if shown != current and (kit.gateway / f"{shown}.asc").exists():
        raise GatewayError(
            "the gateway shows a key of its own that it has replaced since: do not go on; ring the authority"
        )
    words = []
    if shown != current:
        # Those of earlier keys too, for kits that missed two changes.
        names = sorted(name for name in sftp.listdir(KEYS) if _EARLIER.fullmatch(name))[:_MOST_EARLIER]
        words = [fetched(sftp, path) for path in (SUCCESSION, *(f"{KEYS}/{name}" for name in names))]
    while current != shown:
        current, certificate = _successor(kit, current, [word for word in words if word is not None])
        trust(kit, certificate, current)
    if not (kit.gateway / f"{shown}.asc").exists():  # A run was interrupted before it was stored.
        trust(kit, data, shown)
    listed = fetched(sftp, LOG_KEYS)
    if listed is not None:  # Each receipt is verified with it: no other text, nor an older list, replaces it.
        make_anew(aside := kit.log_keys.with_suffix(".new"), listed)
        if len(listed_keys([aside], kit.trusted())) > len(listed_keys([kit.log_keys], kit.trusted())):
            aside.replace(kit.log_keys)
        aside.unlink(missing_ok=True)


def trust(kit: Kit, certificate: bytes, fingerprint: str) -> None:
    """Store a certificate, and encrypt to it from now on. GatewayError unless `fingerprint` is its own."""
    try:
        sound = pinned(certificate, fingerprint)
    except CertificateRefused:
        raise GatewayError(
            "the gateway's key is not the one that you were told: do not go on; ring the authority"
        ) from None
    # In this order: a stored certificate that the settings do not name is one that was replaced.
    kit.write_settings(kit.settings().model_copy(update={"gateway_key": fingerprint}))
    make_anew(kit.gateway / f"{fingerprint}.asc", sound)


def _successor(kit: Kit, fingerprint: str, words: list[bytes]) -> tuple[str, bytes]:
    """Return the fingerprint and certificate of the successor of the key with this `fingerprint`.

    `words` are signed texts that name successors. GatewayError if that key signed none of the texts.
    """
    signers = split((kit.gateway / f"{fingerprint}.asc").read_bytes())
    for word in words:
        try:
            text, _ = verify_clearsigned(word.decode("utf-8", "replace"), signers)
        except SignatureInvalid:
            continue
        said = _SUCCESSION_TEXT.fullmatch(text)
        if said is None or said["old"] != fingerprint or said["certificate"].count("-----BEGIN") != 1:
            continue
        if not (kit.gateway / f"{said['new']}.asc").exists():
            return said["new"], said["certificate"].encode()
    raise GatewayError(
        "the gateway's key has changed, and the one that you compared does not vouch for the new one: ask "
        "the authority for a new invitation, then: gateway send setup INVITATION"
    )


PAGE, SIGNATURE = "/status.html", "/status.html.asc"
_THREE, _A_SECOND = stop_after_attempt(3), wait_fixed(1)


def told(kit: Kit, sftp: paramiko.SFTPClient) -> dict[str, Any] | None:
    """Fetch the gateway's page about the provider, and return its contents; None if there is no page.

    GatewayError for a wrong signature, or a page about another provider. Tries three times, since page and
    signature are two files, of which one may be newer for a moment.
    """

    def fetch() -> bytes | None:
        html, signature = fetched(sftp, PAGE), fetched(sftp, SIGNATURE)
        if html is not None:
            verify_detached(html, signature or b"", [kit.current_certificate()])
        return html

    again = Retrying(
        retry=retry_if_exception_type(SignatureInvalid), stop=_THREE, wait=_A_SECOND, reraise=True
    )
    try:
        html = again(fetch)
    except SignatureInvalid:
        raise GatewayError(
            f"{PAGE} is not signed by the gateway: do not believe it; try again in a minute, and ring the "
            "authority where it stays so"
        ) from None
    if html is None:
        return None
    page = read(html)
    if page["provider"].get("id") != kit.settings().provider:
        raise GatewayError(f"{PAGE} is about another provider: do not believe it, and ring the authority")
    return page


def read(html: bytes) -> dict[str, Any]:
    """Return the facts on the page about the provider, from attributes data-…. GatewayError if incomplete.

    `flows` have the state in the gateway's words, the day when due, and the time of the last file; `keys` are
    the provider's own; `waiting` are the references of held files; `ratify` is the year to be ratified, if
    any; `provider` has the facts by which files are checked: kind, numbers, schools and harmless columns.
    """
    page = lxml.html.document_fromstring(html, parser=lxml.html.HTMLParser(encoding="utf-8"))

    def moment(text: str) -> datetime | None:
        return datetime.fromisoformat(text) if text else None

    try:
        (main,) = page.iter("main")
        flows = (one.attrib for one in main.iterfind(".//dt[@data-flow]"))
        keys = (one.attrib for one in main.iterfind(".//dt[@data-key]"))
        return {
            "at": datetime.fromisoformat(main.attrib["data-at"]),
            "flows": [
                {
                    "data_type": one["data-flow"], "state": one["data-state"],
                    "due": date.fromisoformat(one["data-due"]) if one["data-due"] else None,
                    "last": moment(one["data-last"]),
                }
                for one in flows
            ],
            "waiting": [one.attrib["data-waits"] for one in main.iterfind(".//dt[@data-waits]")],
            "keys": [
                {"kind": one["data-key"], "state": one["data-state"], "until": moment(one["data-until"])}
                for one in keys
            ],
            "ratify": next((one.attrib["data-ratify"] for one in main.iterfind(".//p[@data-ratify]")), None),
            "provider": json.loads(main.attrib.get("data-provider", "{}")),
        }  # fmt: skip
    except (KeyError, ValueError):
        raise GatewayError(
            f"the gateway is of another version than this program: read {PAGE} in your SFTP folder"
        ) from None


_SHOWN = "/agreement/policies.asc"
NONE = "the gateway shows no policies that its present key has signed, so nothing can be checked now"
_MOST_OF_POLICIES = 8 * 1024 * 1024
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,40}\.(toml|txt)")


def keep(kit: Kit, sftp: paramiko.SFTPClient, page: dict[str, Any] | None) -> None:
    """Fetch and store the policies in force, if newer, and the facts about the provider from its `page`."""
    known = _known(kit)
    if page is not None and page["at"].isoformat() > known.get("page_at", ""):
        known |= {"page_at": page["at"].isoformat(), "provider": page["provider"]}
    try:
        status = sftp.stat(_SHOWN)
        seen = [status.st_size, status.st_mtime]
        if seen != known.get("seen"):
            data = fetched(sftp, _SHOWN, _MOST_OF_POLICIES) or b""
            text, _ = verify_clearsigned(data.decode("utf-8", "replace"), [kit.current_certificate()])
            told = json.loads(text)
            if datetime.fromisoformat(told["at"]).isoformat() > known.get("policies_at", ""):
                files = {name: body for name, body in told["files"].items() if _NAME.fullmatch(name)}
                known |= {"seen": seen, "policies_at": told["at"], "files": files}
    except (FileNotFoundError, SignatureInvalid, ValueError, TypeError, KeyError):
        pass  # Missing; or signed by the previous key, for a moment; or unsigned; or not policies.
    if known != _known(kit):
        make_anew(kit.checked_by, json.dumps(known).encode())


def kept(kit: Kit, folder: Path) -> dict[str, Any] | None:
    """Write the stored policies into a folder; return the stored facts about the provider.

    None if no policies are stored; {} if policies are stored, but no facts about the provider.
    """
    known = _known(kit)
    if "files" not in known:
        return None
    for name, text in known["files"].items():
        (folder / name).write_text(text, "utf-8")
    provider: dict[str, Any] = known.get("provider", {})
    return provider


def has_kept(kit: Kit) -> bool:
    """Return True once the authority's policies were fetched."""
    return "files" in _known(kit)


def holds_text(kit: Kit, text: str) -> bool:
    """Return True if a text is among the stored policies, signed by the gateway; white space may differ."""
    texts = (body for name, body in _known(kit).get("files", {}).items() if name.endswith(".txt"))
    return any(body.split() == text.split() for body in texts)


def _known(kit: Kit) -> dict[str, Any]:
    try:
        known: dict[str, Any] = json.loads(kit.checked_by.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return known
