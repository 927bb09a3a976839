"""Changes of keys: rotation, resealing, and notices to the owners.

An expired certificate changes no row: files signed since wait (`openpgp.judge`), and the owner was warned
(`processor.key_round`). Only a key being replaced is ended by its date. Letters about keys are owed in
`record.letters`; files waiting for a renewed certificate go on by `changes.Clerk.renew`.
"""
