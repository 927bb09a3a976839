"""The next version, for whoever upgrades: this one, with one more change of the tables."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

LATER = "9.9"
_MIGRATIONS = "gateway/registry/migrations/versions"
_MIGRATION = '''"""one more column."""

import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{before}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("transfer") as batch:
        batch.add_column(sa.Column("later", sa.String(), nullable=True))
    op.execute("UPDATE transfer SET later = 'kept'")
'''


def change_tables(code: Path) -> str:
    """Add the migration to a folder of code; the revision before it."""
    versions = code / _MIGRATIONS
    before = max(path.name.partition("_")[0] for path in versions.glob("[0-9]*.py"))
    (versions / "9999_one_more_column.py").write_text(_MIGRATION.format(before=before))
    return before


def later_package(built: Path, place: Path) -> Path:
    """Make later.deb of the next version out of a package."""
    tree, made = place / "later", place / "later.deb"
    subprocess.run(["dpkg-deb", "--raw-extract", built, tree], check=True)
    control = tree / "DEBIAN/control"
    told = control.read_text().splitlines()
    lines = [f"Version: {LATER}" if line.startswith("Version:") else line for line in told]
    control.write_text("\n".join(lines) + "\n")
    (code,) = tree.glob("usr/lib/gateway/lib/python3*/site-packages")
    change_tables(code)
    subprocess.run(["dpkg-deb", "-Znone", "--build", tree, made], check=True, capture_output=True)
    shutil.rmtree(tree)
    return made
