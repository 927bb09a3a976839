"""Read and use the secrets of a home: key files, passphrase, and signing.

Only `secret_files` reads the files: for the modules named in the contracts of pyproject.toml, and for
`signing`, which holds the keys for receipts and the log. There are two exceptions: `ssh.server` reads its own
host key, and a backup copies the whole folder. keys/README.md lists the users of each file.
"""
