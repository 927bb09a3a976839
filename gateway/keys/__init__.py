"""Change keys: rotation, resealing, and notices to the owners.

When a certificate expires, no row of the registry changes: `processor.rounds` has warned the owner, and files
signed later wait (`openpgp.judge`). The registry ends only a retiring key, on the recorded date.
`record.letters` writes the letters about keys. `changes.Clerk.renew` has files waiting for a renewed
certificate examined again.
"""
