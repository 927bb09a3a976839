"""Open and close the console API together with the mailboxes, in the same service."""

import contextlib
import time
from collections.abc import AsyncIterator

from gateway.home import Home
from gateway.home.settings import load_settings
from gateway.mailboxes.console_api.api import ConsoleApi
from gateway.mailboxes.console_api.carrying_out import learn_acts
from gateway.mailboxes.console_api.challenges import Challenges, SharedChallenges
from gateway.mailboxes.console_api.context import ConsoleContext
from gateway.mailboxes.console_api.judged import Judged
from gateway.mailboxes.console_api.openid import OpenIdProvider
from gateway.mailboxes.console_api.today import judged_on
from gateway.mailboxes.fetching import in_force
from gateway.mailboxes.tree import SharedResources
from gateway.ssh.door import Penalties
from gateway.zones.console_api.serving import at_work, config_of, listening


def counter_of(home: Home, resources: SharedResources) -> ConsoleContext:
    """Make the context of the console API of `home`."""
    settings = load_settings(home)
    openid = settings.console.openid
    return ConsoleContext(
        home=home,
        settings=settings,
        mailboxes=resources.mailboxes,
        catalogue=in_force(home, resources.mailboxes.registry),
        challenges=SharedChallenges(resources.mailboxes.registry)
        if settings.host.shares
        else Challenges(time.monotonic),
        penalties=Penalties(resources.limits, time.monotonic),
        limits=resources.limits,
        judged=Judged(time.monotonic),
        openid=None if openid is None else OpenIdProvider(openid),
    )


@contextlib.asynccontextmanager
async def console_api_open(home: Home, resources: SharedResources) -> AsyncIterator[None]:
    """Answer the console inside the context."""
    console = counter_of(home, resources)
    judged_on(console)  # Whoever asks first waits for nothing that it loads.
    learn_acts()
    window = ConsoleApi(console, resources)
    async with at_work(config_of(window.app), [listening(home.console)]):
        yield
