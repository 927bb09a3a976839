"""Judging of public keys (SSH and OpenPGP) and lists of providers before enrolment."""
