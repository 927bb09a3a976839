"""The outside zone: the SFTP service that providers reach. No secrets, no registry, no policy."""
