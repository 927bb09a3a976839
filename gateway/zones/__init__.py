"""What crosses the wall between outside and inside: the spool, penalty files, whether a file is sealed."""
