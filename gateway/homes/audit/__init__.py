"""Whether everything still fits together: the registry against the log, and the log against its heads."""
