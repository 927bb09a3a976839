"""The SFTP service of the local authority's staff: views on what was routed to their teams."""
