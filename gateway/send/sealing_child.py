"""Sign and encrypt one file as a stream, in a separate process with little beside Sequoia.

Standard input is JSON: `source` and `target` are paths, `key` is the armored secret key that signs,
`passphrase` opens the key ("" if unprotected), and `recipient` is the armored certificate to encrypt to. A
failure ends the process with a traceback.
"""

import json
import secrets
import sys

from pysequoia import Cert, Tsk, encrypt_file


def main() -> None:
    """Sign and encrypt a file, as JSON on standard input says."""
    asked = json.load(sys.stdin)
    key, passphrase = asked["key"].encode(), asked["passphrase"]
    try:
        signer = Tsk.from_bytes(key).signer(passphrase or None)
    except Exception:  # noqa: BLE001 - pysequoia raises no class of its own
        # A form that GnuPG writes and Sequoia refuses, or a wrong passphrase, told as WrongPassphrase.
        from gateway.send.openpgp_key import read_key  # noqa: PLC0415 - PGPy needs 130 MB to open a key

        once = secrets.token_hex(16)
        signer = Tsk.from_bytes(read_key(key).under(passphrase, once)).signer(once)
    recipient = Cert.from_bytes(asked["recipient"].encode())
    encrypt_file(asked["source"], asked["target"], recipients=[recipient], signer=signer, armor=False)


if __name__ == "__main__":
    main()
