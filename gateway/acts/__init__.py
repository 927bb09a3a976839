"""Everything a person asks or does, declared once: its fields, who may, how it is confirmed, what it does.

The command line, the pages of the console and the questions between them are derived from these declarations.
A module of this room has the acts of one noun, and is found by standing here.
"""
