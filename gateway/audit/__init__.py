"""Does everything still fit together? The registry against the log, and the log against its heads."""
