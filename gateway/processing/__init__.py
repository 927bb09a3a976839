"""The inside zone's work: from a landed upload to a committed outcome."""
