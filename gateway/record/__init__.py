"""Record outcomes of files, each with the receipt and log entries in one transaction."""
