"""Record outcomes of files, each with its receipt and log entries in one transaction."""
