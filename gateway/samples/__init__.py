"""Synthetic schools, pupils and files, for the demo, the tests and for trying the gateway out."""
