"""Publish notices about the agreement, signed, beside its text."""

from gateway.home import Published
from gateway.publish.projection import replace_published
from gateway.registry import log
from gateway.registry.database import Registry

_SHOWN = 10


def publish_agreement_news(registry: Registry, published: Published) -> None:
    """Write the last ten notices into /agreement, named by day, and remove older ones."""
    with registry.read() as session:
        told = log.events(session, "agreement", kind="changes-told")[-_SHOWN:]
    wanted = {f"notice-{event.at:%Y-%m-%d}-{event.number}.txt": event.note for event in told if event.note}
    folder = published.common / "agreement"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in wanted.items():
        if not (folder / name).exists():
            replace_published(folder / name, text)
    for old in folder.glob("notice-*.txt"):
        if old.name not in wanted:
            old.unlink(missing_ok=True)
