"""Recording of outcomes: each with its receipt and log entries in one transaction."""
