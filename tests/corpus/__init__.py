"""A corpus of files as schools send them, each with its one right verdict in a table beside it.

Each table `NAME.tsv` goes with a module `NAME.py` whose `FILES` makes its files, so that several
people can add tables without meeting. The columns of a table:

    file      its key in `FILES`, which is also the name it is sent under
    sender    the kind of provider that sends it, such as `school`
    on        the local moment at which it is decided, such as 2026-06-15T12:00
    type      the data type, or the `classify:` code where it has none
    outcome   accepted, held or refused
    reasons   every reason code of the decision, with blanks between, in any order
    teams     the teams that may have it, with blanks between; - where there are none
    why       what the line is about
"""
