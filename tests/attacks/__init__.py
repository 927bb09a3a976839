"""Attacks that succeeded once, each in the form in which it did. docs/attacks.md has the table."""
