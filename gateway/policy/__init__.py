"""The agreement as data, and pure functions that decide by the data.

`catalogue` reads `policies/`, `decide` judges a file, or a transfer sent another way,
`timescale` lists due files, `discrepancies` compares rolls, `explain` gives the reasons in words.
"""
