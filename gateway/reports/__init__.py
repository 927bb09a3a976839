"""Make reports for people from plain values: transfers, breaches, deletions due."""
