"""Outcomes of files and drops go on record: each with its receipt and log entries in one transaction."""
