"""What waits in PostgreSQL: files to be decided again, by whichever process, and tasks of the queue."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.model import Held, Provider
from gateway.registry import providers, waits, work_queue
from gateway.registry.database import Registry
from gateway.registry.work_queue import A_TASK
from tests.policies import why
from tests.registry.cluster import Cluster
from tests.registry.test_deliveries import NOW, put

pytestmark = [pytest.mark.needs("pg_ctlcluster"), pytest.mark.xdist_group("postgresql")]
CODE = "policy:agreement-not-ratified"


@pytest.fixture
def registry(cluster: Cluster, tmp_path: Path) -> Iterator[Registry]:
    made = Registry(cluster.database(tmp_path.name))
    made.migrate()
    with made.write() as session:
        providers.add_provider(session, Provider(id="school-a", name="School A", kind="school"), NOW)
    yield made
    made.close()


def test_of_what_is_to_be_decided_again_nobody_waits_for_files_that_another_has(registry: Registry) -> None:
    held = [put(registry, number, Held(reasons=(why(CODE),))) for number in range(1, 5)]
    which = waits.for_reasons(CODE)
    with registry.write_on(()) as one, registry.write_on(()) as other:
        other.execute(text("SET LOCAL lock_timeout = 1000"))
        found = [
            [each.upload.reference for each in waits.portion(session, which, 0, 2)]
            for session in (one, other)
        ]
    assert found == [held[:2], held[2:]]


def test_the_next_files_of_a_provider_are_as_late_as_files_of_it_wait(registry: Registry) -> None:
    work_queue.prepare(registry)
    queued = []
    for numbers in (range(A_TASK), range(A_TASK, A_TASK + 2)):
        queued.append([put(registry, number, None, opened=False) for number in numbers])
        with registry.write() as session:
            work_queue.queue(session, queued[-1])
    with registry.read() as session:
        asked = "SELECT priority, args->'references' FROM procrastinate_jobs ORDER BY id"
        tasks = [tuple(row) for row in session.execute(text(asked))]
    assert tasks == [(0, queued[0]), (-1, queued[1])]
