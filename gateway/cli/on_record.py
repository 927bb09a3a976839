"""Signing of the log's head, in the transaction of a command."""

from sqlmodel import Session

from gateway.cli.console import now
from gateway.home import Home
from gateway.home.settings import load_settings
from gateway.registry import log


def signed_head(session: Session, place: Home) -> None:
    """Sign the log's head in the transaction that changed the log."""
    from gateway.secrets.signing import Signing  # noqa: PLC0415 - loads the OpenPGP libraries

    signing = Signing.load(place, load_settings(place))
    log.sign_head(session, signing.log_key, signing.origin, now())
