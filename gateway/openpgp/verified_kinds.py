"""The post-quantum key kinds verified by a home's engines, tested only when one is met."""

from gateway.home.settings import ProcessorSettings


class VerifiedKinds:
    """The post-quantum key kinds verified by every engine in use, tested on demand."""

    def __init__(self, settings: ProcessorSettings) -> None:
        self._settings = settings

    def __contains__(self, kind: object) -> bool:
        """Return True if every engine verifies signatures by keys of a kind."""
        from gateway.openpgp import abilities  # noqa: PLC0415 - loads both engines, and few have to ask

        return kind in abilities.verified(self._settings)
