"""What one team may have of a file, made from the whole of it.

Nothing is known here of teams and policies: a `Basis` says which data items may be told. What is not named by
it, and whatever no rule knows, is left out. The same file gives the same bytes at every reading.
"""
