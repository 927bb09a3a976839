"""keys: SSH keys and OpenPGP certificates of providers, and the gateway's own."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.text import Text

from gateway.cli.console import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    fails_clearly,
    now,
    out,
    plain,
    registry,
    show,
    who,
)
from gateway.cli.enrol import enrol_openpgp, enrol_ssh, log_key_change, read_key_file
from gateway.cli.providers import signed_head
from gateway.home import Home
from gateway.openpgp.certificates import Certificate, grouped
from gateway.processing.publish import publish_access
from gateway.registry import keys, providers
from gateway.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="Keys of providers, and the gateway's own.")
gateway_keys = typer.Typer(no_args_is_help=True, help="The gateway's own keys.")
app.add_typer(gateway_keys, name="gateway")
ProviderArgument = Annotated[str, typer.Argument(metavar="ID")]
FingerprintArgument = Annotated[str, typer.Argument(metavar="FPR", help="The fingerprint or its beginning.")]


@app.command("list")
@fails_clearly
def list_all(
    identifier: Annotated[str | None, typer.Argument(metavar="[ID]")] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Keys of one provider, or of everybody."""
    with registry(home) as opened, opened.read() as session:
        if identifier is not None:
            providers.provider_row(session, identifier)
        owner_kind: keys.OwnerKind | None = None if identifier is None else "provider"
        rows = [dataclasses.asdict(key) for key in keys.list_keys(session, owner_kind, identifier)]
    for row in rows:
        row["provider"] = row["owner"] if row["owner_kind"] == "provider" else None
    columns = ("owner", "kind", "fingerprint", "state", "not_after", "last_used_at", "uses")
    show(rows, columns, as_json=as_json, empty="no key is enrolled")


@app.command()
@fails_clearly
def add(
    identifier: ProviderArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An SSH public key or OpenPGP certificate.")],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Enrol a key of a provider, and show what to read out over the telephone."""
    at = now()
    with registry(home) as opened:
        with opened.write() as session:
            providers.provider_row(session, identifier)
            if is_ssh(read_key_file(file)):
                ssh = enrol_ssh(session, "provider", identifier, file, at)
                shown = [("SSH key", ssh.fingerprint), ("algorithm", ssh.algorithm)]
            else:
                shown = described(enrol_openpgp(session, identifier, file, at))
            signed_head(session, Home(home))
        publish_access(opened, Home(home).published, at)
    for label, value in shown:
        out.print(Text(f"{label:>14}  {value}"), soft_wrap=True)
    out.print("Ring the provider on a number you know and let them read the fingerprint to you.")


@app.command()
@fails_clearly
def retire(
    identifier: ProviderArgument, fingerprint: FingerprintArgument, home: HomeOption = DEFAULT_HOME
) -> None:
    """Take a key out of use that is simply no longer needed."""
    _end(home, identifier, fingerprint, "retired", None)


@app.command()
@fails_clearly
def revoke(
    identifier: ProviderArgument,
    fingerprint: FingerprintArgument,
    reason: Annotated[str, typer.Option(help="Why: for the record.")],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Take a key out of use that can no longer be trusted."""
    _end(home, identifier, fingerprint, "revoked", reason)


@gateway_keys.command("export")
@fails_clearly
def export(home: HomeOption = DEFAULT_HOME) -> None:
    """Print the gateway's OpenPGP certificate, to which providers encrypt."""
    from gateway.processing.signing import Signing  # noqa: PLC0415 - loads the OpenPGP libraries

    typer.echo(Signing.load(Home(home), load_settings(Home(home))).certificate, nl=False)


@gateway_keys.command("show")
@fails_clearly
def show_gateway(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """The gateway's own keys, with the fingerprint as it is read out."""
    with registry(home) as opened, opened.read() as session:
        rows = [dataclasses.asdict(key) for key in keys.list_keys(session, "gateway", "gateway")]
    for row in rows:
        row["fingerprint_in_fours"] = grouped(row["fingerprint"])
    show(rows, ("kind", "fingerprint_in_fours", "state", "added_at"), as_json=as_json, empty="no keys")


def described(certificate: Certificate) -> list[tuple[str, str]]:
    """What to read out and what to know about a certificate."""
    bits = f" {certificate.bits}" if certificate.bits else ""
    uses = [
        word for word, able in (("sign", certificate.can_sign), ("encrypt", certificate.can_encrypt)) if able
    ]
    expires = f"{certificate.expires_at:%Y-%m-%d}" if certificate.expires_at else "never"
    return [
        ("fingerprint", grouped(certificate.fingerprint)),
        ("algorithm", f"{certificate.algorithm}{bits}"),
        ("made", f"{certificate.created_at:%Y-%m-%d}"),
        ("expires", expires),
        ("can", ", ".join(uses)),
        *(("user id", plain(user_id)) for user_id in certificate.user_ids),
        *(("note", warning) for warning in certificate.warnings),
    ]


def is_ssh(data: bytes) -> bool:
    """Whether a key file looks like SSH's rather than OpenPGP's."""
    starts = (b"ssh-", b"ecdsa-", b"sk-", b"---- BEGIN SSH2", b"-----BEGIN OPENSSH", b"PuTTY-User-Key-File")
    return data.lstrip().startswith(starts)


def _end(
    home: Path, identifier: str, fingerprint: str, state: Literal["retired", "revoked"], reason: str | None
) -> None:
    at = now()
    with registry(home) as opened:
        with opened.write() as session:
            providers.provider_row(session, identifier)
            ended = keys.end_key(
                session, "provider", identifier, fingerprint, state=state, at=at, by=who(), reason=reason
            )
            kind: Literal["key-retired", "key-revoked"] = (
                "key-retired" if state == "retired" else "key-revoked"
            )
            log_key_change(session, kind, "provider", identifier, ended.fingerprint, at)
            signed_head(session, Home(home))
        publish_access(opened, Home(home).published, at)
    out.print(f"{ended.fingerprint} is {state}", soft_wrap=True)
