"""Run the courier: letters, batches of files, and messages for web hooks, side by side."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from gateway.courier import posting, pushing, service
from gateway.home import Home


def run_courier(home: Home, stop: threading.Event, *, ready: Callable[[], None]) -> None:
    """Send letters, batches and messages until `stop` is set; call `ready` once at the start.
    ConfigurationError if the settings for letters name no relay, or if neither letters, batches nor messages
    are set up.
    """
    has_others = home.hand_on.is_dir() or home.hooks.is_dir()
    has_relay = home.letters.settings.exists() or not has_others
    if has_relay:
        service.relay(home.letters)
    with ThreadPoolExecutor() as threads:
        ready()
        others = [
            threads.submit(pushing.run, home.hand_on, stop), threads.submit(posting.run, home.hooks, stop)
        ]  # fmt: skip
        if has_relay:
            service.run(home.letters, stop)
        for each in others:
            each.result()
