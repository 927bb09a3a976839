"""Make views: a view is the part of a file that one team may have.

This package knows neither teams nor policies: a `Basis` names the allowed data items. All other content, and
all content unknown to the rules, is left out. The same file gives the same bytes at every reading.
"""
