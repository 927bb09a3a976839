"""Exchange files between outside and inside: uploads by the spool, lists of penalised sources."""
