"""Send letters to one SMTP relay, and files and messages to the authority's own systems; record each outcome.

The courier reaches the network, and has no secrets but the relay's password, an SSH key and the key
for signing messages. The courier reads only the folders filled by the inside.
"""
