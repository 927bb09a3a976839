"""The outside zone: the SFTP service for providers, without secrets, registry or policy."""
