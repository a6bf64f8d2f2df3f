"""The outside services that the program can use, and the settings that each needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from settings import Settings

# In the order of docs/integrations.md.
SERVICES: Mapping[str, tuple[str, ...]] = {
    "Stripe (cards, bank debits)": ("stripe_secret_key", "stripe_publishable_key", "stripe_webhook_secret"),
    "EasyPost (labels)": ("easypost_api_key", "easypost_webhook_secret", "warehouse_address"),
    "Twilio (texts)": ("twilio_account_sid", "twilio_auth_token", "twilio_from"),
    "Mail": ("smtp_host", "smtp_from"),
    "Object store": ("r2_account_id", "r2_access_key_id", "r2_secret_access_key", "r2_bucket_name"),
    "Language model (call evaluation)": ("llm_api_key", "llm_base_url", "llm_model"),
    "ElevenLabs (call log)": ("elevenlabs_webhook_secret",),
    "Google sign-in": ("google_client_id", "google_client_secret"),
    "Metrics": ("metrics_token",),
}


@dataclass(frozen=True, slots=True)
class Service:
    """An outside service, and the names of the settings that it lacks."""

    name: str
    missing: Sequence[str]
    is_begun: bool

    @property
    def is_on(self) -> bool:
        """True if no setting is missing."""
        return not self.missing


def list_services(settings: Settings) -> list[Service]:
    """Return all services; `is_begun` is true if at least one of a service's settings is set."""
    found = []
    for name, needed in SERVICES.items():
        missing = [setting.upper() for setting in needed if not getattr(settings, setting)]
        found.append(Service(name, missing, is_begun=len(missing) < len(needed)))
    return found
