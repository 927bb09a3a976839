"""Reports for people, made from plain values: transfers, breaches, deletions due."""
