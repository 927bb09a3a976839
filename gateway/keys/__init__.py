"""What happens to keys: changes, rotation, resealing, and what their owners are told.

A certificate that expires changes no row: what it signed since waits (`openpgp.judge`), and its owner was
warned (`processor.key_round`). Only a key that is being replaced is ended by its date.
Letters about it are owed in `record.letters`; what waited for a renewed one goes on by `changes.Clerk.renew`.
"""
