"""The registry's migrations, run by alembic."""
