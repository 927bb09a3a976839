"""Write all of published/ except receipts and pages, at every start and when keys or policies change."""

from __future__ import annotations

import base64
from contextlib import closing
from datetime import datetime
from pathlib import Path

from gateway.home import Home, Published, shown_name
from gateway.home.settings import IntakeSettings, Settings, load_limits, load_settings
from gateway.model import VIEW_EXTENSIONS
from gateway.openpgp.sealer import clearsign
from gateway.policy.catalogue import load_catalogue
from gateway.publish.projection import is_whole, publish_access, published_is_written, replace_published
from gateway.registry import copies, hosts, keys, log
from gateway.registry.copies import Copy
from gateway.registry.database import Registry
from gateway.secrets import secret_files
from gateway.secrets.signing import Signing

_SHOWN, _SHOWN_DIGITS = 10, 16


def publish_agreement_news(registry: Registry, published: Published) -> None:
    """Write the last ten notices on changes of the agreement into /agreement; remove older ones."""
    folder = published.common / "agreement"
    # The files first: a notice that another process puts there meanwhile is on record before it is there.
    there = [*folder.glob("notice-*.txt")]
    with registry.read() as session:
        told = log.events(session, "agreement", kind="changes-told")[-_SHOWN:]
    wanted = {f"notice-{event.at:%Y-%m-%d}-{event.number}.txt": event.note for event in told if event.note}
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in wanted.items():
        if not (folder / name).exists():
            replace_published(folder / name, text)
    for old in there:
        if old.name not in wanted:
            old.unlink(missing_ok=True)


def publish_all(home: Home, now: datetime) -> None:
    """Write everything in published/ except receipts and pages. Idempotent."""
    settings = load_settings(home)
    signing = Signing.load(home, settings)
    with closing(Registry(settings.database_url(home))) as registry:
        _publish_common(home, settings, signing, registry)
        publish_access(registry, home.published, now)
        # The gateway's own OpenPGP keys: gateway.asc is the certificate to encrypt to, and
        # gateway-succession.asc the previous key's signed statement naming its successor. Each earlier key
        # still valid, or used for receipts, has a gateway-FINGERPRINT.asc and its own succession.
        folder = home.published.common / "keys"
        current = secret_files.signing_fingerprint(home)
        with registry.read() as session:
            known = [key for key in keys.list_keys(session, "gateway", "gateway") if key.kind == "openpgp"]
        for key in known:
            name = "gateway" if key.fingerprint == current else f"gateway-{key.fingerprint[:_SHOWN_DIGITS]}"
            succession = secret_files.succession_file(home, key.fingerprint)
            word = succession.read_text("utf-8") if succession.exists() else None
            for path, text in ((f"{name}.asc", key.material), (f"{name}-succession.asc", word)):
                if text is None or key.state == "revoked":
                    (folder / path).unlink(missing_ok=True)
                else:
                    replace_published(folder / path, text)
        host_keys = home.keys / "hosts.asc"
        if host_keys.exists():
            replace_published(folder / "gateway-hosts.asc", host_keys.read_text("utf-8"))
        publish_log_keys(home, registry, signing, settings.organisation)
        publish_agreement_news(registry, home.published)
        take_back_copies(home, registry)


def _publish_common(home: Home, settings: Settings, signing: Signing, registry: Registry) -> None:
    """Write the gateway's certificate, the log's key, the agreement, security.txt and intake's settings."""
    with registry.read() as session:
        removed = hosts.was_removed(session, settings.host.name or "")
    intake = IntakeSettings(
        listen=settings.intake,
        limits=load_limits(home).intake,
        ssh=settings.ssh,
        claim_seconds=settings.watch.claim_seconds,
        web=settings.web,
        removed=removed,
    )
    published = home.published
    for folder in (published.common / "keys", published.common / "agreement", published.log):
        folder.mkdir(parents=True, exist_ok=True)
    replace_published(published.common / "keys" / "gateway.asc", signing.certificate)
    replace_published(published.common / "keys" / "gateway-log.vkey", f"{signing.vkey}\n")
    if settings.security_txt is None:
        published.security_txt.unlink(missing_ok=True)
    else:
        replace_published(published.security_txt, settings.security_txt)
    agreement = load_catalogue(home.policies_in_force).agreement_text
    replace_published(published.common / "agreement" / "agreement.txt", agreement)
    replace_published(published.intake_settings, intake.model_dump_json(indent=1))


def publish_log_keys(home: Home, registry: Registry, signing: Signing, organisation: str) -> None:
    """Write the signed list of the log's keys into /keys, if the log has had several. Idempotent."""
    with registry.read() as session:
        *ended, current = log.keys_in_time(session, signing.vkey)
    # Read by `verify_receipts.keys_in` and, whole, by `verify_files`.
    text = (
        f"The gateway of {organisation} signs its log and its receipts with the last of these keys, and "
        "signed with the others up to the size of the log that is named:\n\n"
        f"openpgp-key: {signing.fingerprint}\n"
    )
    for key in ended:
        root = base64.b64encode(key.last.root).decode() if key.last else ""
        why = "compromised" if key.lost else "superseded"
        text += f"log-key: {key.key} until {key.last and key.last.size} {root} {why}\n"
    text += f"log-key: {current.key}\n"
    path = home.published.common / "keys" / "gateway-log-keys.asc"
    # Signed anew only where it says something new, since it is published again and again.
    if ended and not is_whole(path, text):
        replace_published(path, clearsign(signing.openpgp, text))


def copy_path(home: Home, copy: Copy) -> Path:
    """Return the path of a copy in the /out folder of the provider that the copy is for."""
    extension = copy.extension
    if copy.part:
        extension = extension.removeprefix("formulas.")
        extension = VIEW_EXTENSIONS.get(extension, extension)
    name = shown_name(f"{copy.flow}_{copy.decided_at:%Y-%m-%d}_{copy.reference}.{extension}.pgp")
    return home.published.provider(copy.provider) / "out" / name


def take_back_copies(home: Home, registry: Registry) -> None:
    """Remove from each provider's /out the copies not due to the provider now. Idempotent.
    A copy of a file about a marked child is not due until the marker is off. Raises Fault where published/
    cannot be written.
    """
    # The files first: a copy that another process puts there meanwhile is on record before it is there.
    there = [*(home.published.root / "providers").glob("*/out/[!.]*")]
    with registry.read() as session:
        owed = {copy_path(home, copy) for copy in copies.owed(session, made_too=True, shown=True)}
    with published_is_written():
        for path in there:
            if path not in owed:
                path.unlink(missing_ok=True)
