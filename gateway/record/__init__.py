"""Outcomes go on record: each with its deliveries, receipt and log entries in one transaction."""
