"""A public key, SSH or OpenPGP, is judged before it is enrolled."""
