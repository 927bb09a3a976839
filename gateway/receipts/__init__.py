"""What the sender gets back: receipts and notices, as text for people and JSON for machines.

`text` puts a receipt together. The sentence of each reason comes from the room `reasons`, by way of `facts`,
which keeps out of it what is not to be told and says it in the provider's language; the frame from `phrases`.
"""
