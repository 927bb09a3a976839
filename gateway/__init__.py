"""gateway: an SFTP drop box through which schools hand pupil data to their local authority.

Five ideas hold it together.

1. One sealed copy. The file as uploaded, signed and encrypted by its sender, is the only copy that
   is stored, and it is the evidence. Routing is a row; mailboxes and listings are views. Plaintext
   exists only in the memory of an inside process, while it is classified or collected.
2. One transaction. Processing is a function of (sealed file, keys, policies, clock). Its whole
   effect (state, deliveries, receipt, log leaf) commits at once. What must appear outside the
   database is an idempotent projection of it, redone at start.
3. Two zones, two one-way folders. `intake` (outside) holds no secret and no database: it writes to
   `spool/` and serves `published/`. `processor` and `mailboxes` (inside) hold both and are not
   reachable by providers.
4. The policy is data and every decision names its clause. What no flow lists is refused.
5. Two keys to the door. A transfer is from a provider when that provider's SSH key opened the
   session and that same provider's OpenPGP certificate signed the whole content.

`gateway.passage` tells the way of a file: claimed, opened, classified, decided, recorded, published.
"""
