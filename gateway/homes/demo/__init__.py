"""The gateway shown at work: real services, real files, real keys, in a temporary home."""
