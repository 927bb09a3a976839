"""Mutants of the core rooms' code, and the tests nearest to each."""
