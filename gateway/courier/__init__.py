"""Letters go out: what the inside has put there is given to one SMTP relay, and what became of it is noted.

The courier has a network and no secret but the relay's password, and knows nothing of the inside.
"""
