"""verify-release: compare a downloaded file with the signed statement of its release, offline."""

import json
from pathlib import Path
from typing import Annotated

from gateway.cli.commands import fails_clearly
from gateway.cli.console import out, read_key_file
from gateway.errors import GatewayError
from gateway.home import digest_of
from gateway.home.settings_file import read_at_most
from gateway.openpgp.sealer import SignatureInvalid, verify_detached

STATEMENT = "gateway-release.intoto.json"
_STATEMENT_BYTES = 1024**2
_KIND = ("https://in-toto.io/Statement/v1", "https://slsa.dev/provenance/v1")


@fails_clearly
def verify_release(
    file: Annotated[Path, "FILE", "A file of a release, as it was fetched."],
    key: Annotated[Path, "--key CERTIFICATE", "The OpenPGP certificate of releases."],
    statement: Annotated[
        Path | None, f"The statement of the release; {STATEMENT} beside the file, if not given."
    ] = None,
) -> None:
    """Check that a file is of a release and unchanged, by the release's signed statement. Works offline.

    The statement is in-toto's (SLSA provenance v1), with its detached OpenPGP signature beside it.
    """
    beside, above = file.parent / STATEMENT, file.parent / ".." / STATEMENT  # Above a file of the kit.
    told = statement or (above if not beside.exists() and above.exists() else beside)
    signed = read_at_most(told, _STATEMENT_BYTES, "the statement of a release")
    signatures = read_at_most(told.with_name(f"{told.name}.asc"), _STATEMENT_BYTES, "a signature")
    certificate = read_key_file(key)
    try:
        signature = verify_detached(signed, signatures, [certificate])
    except (SignatureInvalid, RuntimeError):
        raise GatewayError(
            f"{told.name} is not signed by {key.name}: do not install this; fetch the file, the statement "
            "and its signature again, and compare the certificate's fingerprint with SECURITY.md"
        ) from None
    try:
        released = json.loads(signed)
        kind = released["_type"], released["predicateType"]
        digests = {str(one["name"]): one["digest"].get("sha256") for one in released["subject"]}
    except (ValueError, KeyError, TypeError, AttributeError):
        kind, digests = ("", ""), {}
    if kind != _KIND:
        raise GatewayError(f"{told.name} is signed, but is no statement about a release")
    digest = digest_of(file)
    names = [name for name, released in digests.items() if released == digest]
    if not names:
        raise GatewayError(
            f"{file.name} was changed, or is not of this release: do not install this; fetch it again"
        )
    out.print(f"{names[0]}: as released; signed by {signature.certificate}")
