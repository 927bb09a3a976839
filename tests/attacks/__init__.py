"""Attacks of clients and of captured services, a family a file; docs/attacks.md tells what each cost."""
