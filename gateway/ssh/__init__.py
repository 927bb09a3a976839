"""One SSH and SFTP server for intake and mailboxes: login, limits, answers, fair shares."""
