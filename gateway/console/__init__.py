"""The web pages for the local authority's staff: a separate service without secrets or registry."""
