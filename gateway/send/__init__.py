"""The provider's side: check, sign, encrypt and send a file, and verify its receipt.

Runs on a school's computer without a home, so uses nothing from the inside.
"""
