"""Write notices to a provider about its keys: in /receipts for every change, and before a key ends.

Every change is announced, signed like a receipt, so a provider hears of unauthorised changes. A notice names
no person and repeats nobody's words.
"""

import tomllib
from collections.abc import Iterable
from datetime import datetime
from importlib.resources import files
from typing import Literal

from gateway.openpgp.certificates import grouped
from gateway.receipts.notices import Notice
from gateway.receipts.text import spoken
from gateway.registry.keys import Key
from gateway.registry.receipts import GATEWAY_KEY_HEADLINE

_ASK = "If you know nothing of this, ring the local authority at once; quote the reference above."
_LOG_KEYS = (
    "The log that proves your receipts has a new key, too. Fetch /keys/gateway-log-keys.asc, which says "
    "until where each key of the log counts, and give it to whoever checks receipts."
)


Change = Literal["waits", "in-force", "renewed", "retiring", "retired", "suspended", "revoked"]
_TOLD: dict[str, dict[str, str]] = tomllib.loads(
    files("gateway.keys").joinpath("notices.toml").read_text("utf-8")
)
_LOST = {
    "openpgp": " Whatever it signed and was not decided on yet is refused.",
    "ssh": " Whatever was uploaded with it and was not decided on yet waits for a person.",
}


def of_change(change: Change, key: Key) -> Notice:
    """Return the notice of a change; `key` is the key as changed."""
    until = f" It can sign until {spoken(key.expires_at)}." if key.expires_at else ""
    if change == "retiring":
        until = f"until {spoken(key.not_after)}" if key.not_after else "for a while"
    noun = "OpenPGP key" if change == "renewed" else key.noun
    blanks = {
        "noun": noun,
        "an": "A" if noun == "passkey" else "An",
        "until": until,
        "lost": _LOST.get(key.kind, "") if key.revocation == "hard" else "",
        "use": "log in" if key.kind == "ssh" else "sign",
    }
    said = {part: text.format(**blanks) for part, text in _TOLD[change].items()}
    return _notice(said["headline"], said["meaning"], *filter(None, [said["step"]]))


def _notice(headline: str, meaning: str, *steps: str) -> Notice:
    return Notice(headline=headline, told=meaning, steps=(*steps, _ASK))


def expires(key: Key, days: int) -> Notice:
    """Return the notice of a certificate that expires in `days` days and has to be renewed."""
    return _notice(
        f"An OpenPGP key of yours EXPIRES in {days} day{'s' if days != 1 else ''}.",
        "Files that it signs after that wait until you have renewed it; none is lost.",
        f"Extend it: gpg --quick-set-expire {key.fingerprint.upper()} 2y",
        "The same again with '*' at the end, for its subkeys.",
        "Export it (gpg --armor --export) and put the file into /keys.",
        "In a browser, select Extend it by two years instead.",
    )


def gateway_key(old: str, until: datetime | None, *, other_log_key: bool = False) -> Notice:
    """Return the notice of the gateway's new key, in place of the key with the fingerprint `old`.
    `until`: when the old key ends; None for a compromised key, ended at once. `other_log_key`: the log's key
    was replaced at the same time.
    """
    old_end = (
        f"The old one still opens files until {spoken(until)}."
        if until
        else "The old one may be in wrong hands and opens nothing more: do not trust what it signs."
    )
    check = (
        "Check that the old key names the new one: gpg --verify gateway-succession.asc"
        if until
        else "Ring the local authority on a number you know, and compare the fingerprint above."
    )
    return _notice(
        GATEWAY_KEY_HEADLINE,
        f"Files are to be encrypted to the key above from now on. {old_end} (The old key: {grouped(old)})",
        f"Fetch /keys/gateway.asc{' and /keys/gateway-succession.asc' if until else ''}.",
        check,
        "gpg --import gateway.asc",
        "In a browser, the page does all this." if until else "In a browser, open a new invitation instead.",
        *([_LOG_KEYS] if other_log_key else []),
    )


def details(key: Key) -> list[tuple[str, list[str]]]:
    """Return the facts about a key for a notice, as `render` takes them: kind, algorithm and fingerprint."""
    fingerprint = [key.fingerprint]
    if key.kind == "openpgp":  # In two lines, for comparison by ear.
        groups = grouped(key.fingerprint).split(" ")
        half = len(groups) // 2
        fingerprint = [" ".join(groups[:half]), " ".join(groups[half:])]
    told = [("Kind", [key.noun, *filter(None, [key.algorithm])])]
    return told + [(label, [line]) for label, line in zip(("Fingerprint", ""), fingerprint, strict=False)]


def host_list(organisation: str, hosts: Iterable[tuple[str, str]], at: datetime) -> str:
    """Return a list of intake's SSH host keys (pairs of fingerprint and use), as text to be clearsigned."""
    lines = [f"The gateway of {organisation} shows these SSH host keys, as of {at:%Y-%m-%d}:", ""]
    return "\n".join([*lines, *(f"host-key: {fingerprint} ({use})" for fingerprint, use in hosts)]) + "\n"
