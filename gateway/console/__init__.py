"""The web pages for the local authority's staff: a separate zone without secrets or registry."""
