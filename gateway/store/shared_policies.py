"""Versions of the policies in the S3 store, for hosts to find versions put in force elsewhere.

    policy/DIGEST/NAME   one file of a version, named by the digest of the whole, as stated in the log

Every fetching host verifies the digest.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import obstore
from obstore.store import S3Store

from gateway.store.client import as_os_error

_KIND = "policy"


@dataclass(frozen=True, slots=True)
class SharedPolicies:
    """Versions in a folder of a bucket. OSError if the store does not answer."""

    client: S3Store

    def put(self, digest: str, files: Mapping[str, bytes]) -> None:
        """Store the files of a version. Harmless if already there."""
        for name, content in files.items():
            with as_os_error():
                obstore.put(self.client, f"{_KIND}/{digest}/{name}", content)

    def fetch(self, digest: str) -> dict[str, bytes]:
        """Return the files of a version by name; {} if missing."""
        place, found = f"{_KIND}/{digest}/", {}
        with as_os_error():
            for page in obstore.list(self.client, place):
                for one in page:
                    content = obstore.get(self.client, one["path"]).bytes()
                    found[one["path"].removeprefix(place)] = bytes(content)
        return found
