"""Open and close the console API together with the mailboxes, in the same service."""

import contextlib
import time
from collections.abc import AsyncIterator

from gateway.home import Home
from gateway.home.settings import load_settings
from gateway.mailboxes.fetching import in_force
from gateway.mailboxes.hatch.challenges import Challenges, SharedChallenges
from gateway.mailboxes.hatch.counter import Counter
from gateway.mailboxes.hatch.judged import Judged
from gateway.mailboxes.hatch.openid import OpenIdProvider
from gateway.mailboxes.hatch.window import HatchWindow
from gateway.mailboxes.tree import Office
from gateway.ssh.door import Penalties
from gateway.zones.hatch.serving import at_work, config_of, listening


def counter_of(home: Home, office: Office) -> Counter:
    """Return the context of the console API of `home`."""
    settings = load_settings(home)
    openid = settings.console.openid
    return Counter(
        home=home,
        settings=settings,
        desk=office.desk,
        catalogue=in_force(home, office.desk.registry),
        challenges=SharedChallenges(office.desk.registry)
        if settings.host.shares
        else Challenges(time.monotonic),
        penalties=Penalties(office.limits, time.monotonic),
        limits=office.limits,
        judged=Judged(time.monotonic),
        openid=None if openid is None else OpenIdProvider(openid),
    )


@contextlib.asynccontextmanager
async def hatch_open(home: Home, office: Office) -> AsyncIterator[None]:
    """Answer the console meanwhile."""
    window = HatchWindow(counter_of(home, office), office)
    async with at_work(config_of(window.app), [listening(home.console)]):
        yield
