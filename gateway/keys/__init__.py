"""Changes of keys: rotation, resealing, and notices to the owners.

The expiry of a certificate changes no row of the registry: files signed since then wait (`openpgp.judge`),
and the owner was warned (`processor.key_round`). The registry ends only a key being replaced, by its date.
`record.letters` writes the letters about keys. `changes.Clerk.renew` has files waiting for a renewed
certificate examined again.
"""
