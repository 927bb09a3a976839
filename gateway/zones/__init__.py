"""Exchange between outside and inside: the spool, penalty files, the test for sealed files."""
