"""Project everything but receipts, at every start and when keys or policies change."""

from datetime import datetime

from gateway.home import Home
from gateway.home.settings import IntakeSettings, load_limits, load_settings
from gateway.publish.agreement_news import publish_agreement_news
from gateway.publish.gateway_keys import publish_gateway_keys
from gateway.publish.projection import publish_access, publish_common
from gateway.publish.provider_copies import take_back_copies
from gateway.registry.database import Registry
from gateway.secrets.signing import Signing


def publish_all(home: Home, now: datetime) -> None:
    """Project everything but receipts into published/. Idempotent."""
    settings = load_settings(home)
    signing = Signing.load(home, settings)
    intake = IntakeSettings(
        listen=settings.intake,
        limits=load_limits(home).intake,
        ssh=settings.ssh,
        claim_seconds=settings.watch.claim_seconds,
    )
    publish_common(home, signing.certificate, signing.vkey, intake, settings.security_contact)
    registry = Registry(settings.database_url(home))
    try:
        publish_access(registry, home.published, now)
        publish_gateway_keys(home, registry)
        publish_agreement_news(registry, home.published)
        take_back_copies(home, registry)
    finally:
        registry.close()
