"""A stranger follows the log: golang.org/x/mod/sumdb, as in Debian, over tiles that the gateway wrote."""
