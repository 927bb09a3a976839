"""What the sender gets back: receipts and notices, as text for people and JSON for machines.

The sentence of each reason comes from the room `reasons`, all other words from `phrases`; `text` puts
a receipt together.
"""
