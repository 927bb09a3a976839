"""receipts: show and verify the receipts of senders."""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.app import check_server
from gateway.cli.commands import HomeOption, JsonOption, ReferenceArgument, command_in
from gateway.cli.console import print_exactly, print_json, read_key_file, registry, say
from gateway.cli.identity import sight_here
from gateway.errors import ConfigurationError, GatewayError, NotFoundError
from gateway.home import Home
from gateway.openpgp.certificates import split
from gateway.verify.verify_files import verify_receipt_files
from gateway.verify.verify_receipts import keys_in, read_text

_SHOWN_DIGITS = 16  # Of the fingerprint, in the name of an older key's certificate.

app = typer.Typer()


@command_in(app, "show")
def show_one(home: HomeOption, reference: ReferenceArgument, as_json: JsonOption = False) -> None:
    """Show the receipt in force of one transfer, as given to the sender.

    Not if the receipt names another file that you may not know of, such as one replaced by this file.
    """
    check_server("gateway receipts show")
    from gateway.registry import receipts, sight  # noqa: PLC0415 - of the authority's side alone

    with registry(home) as opened, opened.read() as session:
        receipt = receipts.latest(session, reference)
        said = "" if receipt is None else f"{receipt.text}\n{receipt.json_text}"
        sight.check_all_seen(session, sight_here(session, home), said)
    if receipt is None or receipt.seal == receipts.UNSIGNED:
        raise NotFoundError(f"there is no receipt for {reference} yet")
    print_exactly(receipt.json_text if as_json else receipt.text)


@command_in(app)
def verify(
    home: HomeOption,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...")],
    gateway_key: Annotated[Path | None, "The gateway's OpenPGP certificate (gateway.asc)."] = None,
    original: Annotated[Path | None, "The sealed file that the receipt must be for."] = None,
    consistency: Annotated[
        Path | None, "A proof from one of their heads to another (gateway log consistency)."
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Verify receipts and heads of the log, offline.

    Needs the gateway's certificate, as a file or in a home.
    """
    published = Home(home).published.common / "keys"
    listed = published / "gateway-log-keys.asc"
    if gateway_key is not None:
        certificate = read_key_file(gateway_key)
        if not split(certificate):
            raise GatewayError(f"{gateway_key} holds no certificate; the gateway's is /keys/gateway.asc")
    else:
        earlier = published.glob(f"gateway-{'?' * _SHOWN_DIGITS}.asc")
        certificate = b"\n".join(path.read_bytes() for path in (*published.glob("gateway.asc"), *earlier))
        if not certificate:
            raise ConfigurationError(
                "give the gateway's certificate with --gateway-key: fetch it once from /keys/gateway.asc, "
                "and check its fingerprint by telephone"
            )
    own = keys_in(read_text(listed)) if gateway_key is None and listed.exists() else []
    verdicts = verify_receipt_files(
        files, certificate, original=original, consistency=consistency, log_keys=[*own]
    )
    if as_json:
        print_json([dataclasses.asdict(verdict) for verdict in verdicts])
    else:
        for verdict in verdicts:
            for line in (verdict.file, *verdict.lines):
                say(line)
    if not all(verdict.good for verdict in verdicts):
        raise typer.Exit(1)
