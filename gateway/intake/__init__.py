"""The outside zone: the SFTP service that providers reach, without secrets, registry or policy."""
