"""Reports for people, made from plain values: transfers, breaches, what is due for deletion."""
