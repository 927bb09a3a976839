"""Look up the post-quantum kinds of signing keys that a home's engines verify, tested when first asked."""

from gateway.home.settings import ProcessorSettings


class VerifiedKinds:
    """Set of the post-quantum kinds of keys that every engine in use verifies, tested when first asked."""

    def __init__(self, settings: ProcessorSettings) -> None:
        self._settings = settings

    def __contains__(self, kind: object) -> bool:
        """Return True if every engine verifies signatures by keys of a kind."""
        from gateway.openpgp import abilities  # noqa: PLC0415 - loads both engines, and few have to ask

        return kind in abilities.verified(self._settings)
