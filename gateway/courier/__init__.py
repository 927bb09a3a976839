"""Send letters to one SMTP relay, and files and messages to the authority's own systems; record each outcome.

The courier reaches the network. Its only secrets are the relay's password, an SSH key and the key for signing
messages. The courier reads only the folders that services inside fill.
"""
