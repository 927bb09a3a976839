"""Check consistency: the registry against the log, and the log against its heads."""
