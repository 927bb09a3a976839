"""The command line: one noun a file."""

from __future__ import annotations

import gc


def main() -> None:
    """Run `gateway`."""
    # What is imported stays: collecting garbage between costs a tenth of a second and finds none.
    gc.disable()
    from gateway.cli.app import app  # noqa: PLC0415 - importing the package stays cheap

    gc.enable()
    app()
