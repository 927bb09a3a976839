"""Letters go out to one SMTP relay, files and messages to the authority's own systems; outcomes are recorded.

The courier has a network and no secrets but the relay's password, an SSH key and the key that signs messages,
and knows nothing of the inside.
"""
