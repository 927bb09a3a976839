"""Web hooks: systems of the authority that are told of events."""
