"""Exchange data between outside and inside: spool, penalty files, console API, test for sealed files."""
