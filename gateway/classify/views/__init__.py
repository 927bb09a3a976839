"""Views: the part of a file one team may have, made from the whole file.

Views know no teams and policies: a `Basis` names the allowed data items. Everything else, and everything
unknown to the rules, is left out. The same file gives the same bytes at every reading.
"""
