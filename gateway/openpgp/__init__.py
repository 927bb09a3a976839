"""Open files sealed by providers, and seal files for providers."""

import warnings

from cryptography.utils import CryptographyDeprecationWarning

# PGPy uses names that `cryptography` has marked as old, and warns of what it
# leaves undone itself; neither is for the eyes of every user at each start.
warnings.filterwarnings("ignore", category=CryptographyDeprecationWarning, module=r"pgpy\b")
warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"pgpy\b")
warnings.filterwarnings("ignore", category=UserWarning, module=r"pgpy\b")
