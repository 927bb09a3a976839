"""Letters: owed once, given to a real relay, and nothing in them that should not be."""
