"""Where staff collect, over SFTP and for the console: views on what was routed to their teams."""
