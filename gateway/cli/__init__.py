"""The command line: one noun a file."""

from __future__ import annotations


def main() -> None:
    """Run `gateway`."""
    from gateway.cli.app import app  # noqa: PLC0415 - importing the package stays cheap

    app()
