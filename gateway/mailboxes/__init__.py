"""Views of the files routed to teams, collected by staff over SFTP and in the console."""
