"""Share work between several hosts in a queue: tasks of the library procrastinate in the registry's database.

A task names some landed files to be examined. A file is queued in the transaction that lands the file. The
choice of host, or a task run twice, changes nothing: an outcome counts only while the file is landed.
"""

import json
from collections import Counter
from collections.abc import Sequence

from sqlalchemy import text
from sqlmodel import Session, col, func, select

from gateway.errors import ConfigurationError
from gateway.home import provider_of
from gateway.registry.database import Registry
from gateway.registry.tables import TransferRow
from gateway.registry.tables.row import portions, values

QUEUE, TASK = "files", "examine"
A_TASK = 16
"""As many files as a task has at most: one for each file costs three times as much."""
_AT_ONCE = 4096
_LOWEST = 10_000
_DEFER = text(
    "SELECT procrastinate_defer_jobs_v1(array_agg(ROW(:queue, :task, CAST(one->>'priority' AS integer), NULL,"
    " NULL, one->'args', NULL)::procrastinate_job_to_defer_v1))"
    " FROM jsonb_array_elements(CAST(:tasks AS jsonb)) one"
)
_WITHOUT_TASK = text(
    "SELECT reference FROM transfer WHERE state = 'landed' AND reference NOT IN"
    " (SELECT jsonb_array_elements_text(args->'references') FROM procrastinate_jobs"
    "  WHERE queue_name = :queue AND status IN ('todo', 'doing')) ORDER BY sequence LIMIT :most"
)


def prepare(registry: Registry) -> None:
    """Create the queue's missing tables.
    ConfigurationError where procrastinate is not installed, or the database is not PostgreSQL.
    """
    if not registry.is_shared:
        raise ConfigurationError("gateway.toml: host: several hosts need a registry in PostgreSQL")
    try:
        from procrastinate.schema import SchemaManager  # noqa: PLC0415 - hosts that work alone have no such package
    except ModuleNotFoundError:
        raise ConfigurationError(
            "gateway.toml: host: several hosts need more packages: pip install 'gateway[cluster]'"
        ) from None
    there = text("SELECT to_regclass('procrastinate_jobs') IS NOT NULL")
    with registry.read() as session:  # Only a read, so that a host with a wrong clock can start.
        if session.scalar(there):
            return
    with registry.write() as session:
        if session.scalar(there):
            return
        driver = session.connection().connection.driver_connection
        if driver is None:
            raise AssertionError("the connection has no driver")
        driver.execute(SchemaManager.get_schema())
        # On a long queue, fetching is slow until the planner has statistics.
        session.execute(text("ANALYZE procrastinate_jobs"))


def queue(session: Session, references: Sequence[str]) -> None:
    """Queue landed files for examination, as part of the caller's transaction.
    Providers take turns: the more files of a provider wait, the later its next ones are examined.
    """
    left = Counter(map(provider_of, references))
    query = select(TransferRow.provider, func.count()).group_by(TransferRow.provider)
    query = query.where(TransferRow.state == "landed", col(TransferRow.provider).in_(left))
    waiting = Counter(dict(session.exec(query).all()))
    by_priority: dict[int, list[str]] = {}  # References by priority; 0 is the highest.
    for reference in references:
        provider = provider_of(reference)
        before = waiting[provider] - left[provider]
        left[provider] -= 1
        by_priority.setdefault(-min(before // A_TASK, _LOWEST), []).append(reference)
    tasks = [
        {"priority": priority, "args": {"references": some}}
        for priority, theirs in sorted(by_priority.items(), reverse=True)
        for some in portions(theirs, A_TASK)
    ]
    if tasks:
        session.execute(_DEFER, {"queue": QUEUE, "task": TASK, "tasks": json.dumps(tasks)})


def queue_again(registry: Registry) -> int:
    """Queue the landed files not named by any task; return the number. Fault if the database fails."""
    with registry.read() as session:
        if not _without_task(session):
            return 0
    with registry.write() as session:
        left = _without_task(session)
        queue(session, left)
    return len(left)


def _without_task(session: Session) -> Sequence[str]:
    found: Sequence[str] = session.scalars(_WITHOUT_TASK, {"queue": QUEUE, "most": _AT_ONCE}).all()
    return found


def still_landed(session: Session, references: Sequence[str]) -> Sequence[str]:
    """Return the `references` still to be decided, oldest first."""
    return values(session, TransferRow.reference, "sequence", state="landed", reference=references)
