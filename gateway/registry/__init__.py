"""The database: rows and queries, nothing else."""
