"""Show the gateway at work, with real services, files and keys, in a temporary home."""
