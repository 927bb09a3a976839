"""The web pages of the local authority's staff: a zone of its own, which holds no secret and no registry."""
