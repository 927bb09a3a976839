"""Write receipts and notices to the sender, as text for people and JSON for machines.

`text` puts a receipt together. The sentences of reasons come from the package `reasons` through `facts`,
which hides private parts and translates; the headings and fixed phrases come from `reasons.languages`.
"""
