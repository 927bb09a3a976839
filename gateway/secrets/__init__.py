"""The secrets of a home: where they lie, the passphrase over them, and what is signed with them.

`secret_files` alone reads them, and only the modules that the contracts in pyproject.toml name may ask it, or
`signing`, which holds what receipts and the log are signed with. Besides, `ssh.server` reads its own host
key, and a backup copies the folder whole. keys/README.md says who uses which.
"""
