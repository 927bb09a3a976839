"""Judge public keys (SSH and OpenPGP), and read lists of providers, before enrolment."""
