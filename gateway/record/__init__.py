"""Outcomes go on record, those of files and of drops: each with its receipt and log entries in one transaction."""
