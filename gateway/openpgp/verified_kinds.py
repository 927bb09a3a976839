"""The kinds of post-quantum keys that the engines of a home verify, asked for where one is met."""

from __future__ import annotations

from gateway.home.settings import ProcessorSettings


class VerifiedKinds:
    """The kinds of post-quantum keys that every engine in use verifies; they are asked when that is asked."""

    def __init__(self, settings: ProcessorSettings) -> None:
        self._settings = settings

    def __contains__(self, kind: object) -> bool:
        """Whether every one of them verifies signatures by keys of that kind."""
        from gateway.openpgp import abilities  # noqa: PLC0415 - loads both engines, and few have to ask

        return kind in abilities.verified(self._settings)
