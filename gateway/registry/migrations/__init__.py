"""Migrations from one release to the next: what changes besides new tables, columns and indexes.

Those are made beforehand from the classes of rows (`tables.create_all`): a new registry and an upgraded one
have the same tables. A new column of an old table may be empty.
"""
