"""Letters go out to one SMTP relay, and files to the authority's own systems; what became of each is noted.

The courier has a network and no secret but the relay's password and an SSH key, and knows nothing of the
inside.
"""
