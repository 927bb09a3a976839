"""The provider's side: check, sign, encrypt and send a file, and verify its receipt.

Runs on a school's computer, without a home, and imports nothing of the inside zone.
"""
