"""The secrets of a home: where they lie, the passphrase over them, and what is signed with them."""
