"""Show staff the files routed to their teams, each team its own view, over SFTP and in the console."""
