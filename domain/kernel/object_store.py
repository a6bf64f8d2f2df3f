"""The configured object store, if any. Rows store the keys of the objects in it."""

from domain.kernel.errors import NotConfigured
from integrations.r2_client import ObjectStore
from settings import Settings

_NEEDED = ("r2_account_id", "r2_access_key_id", "r2_secret_access_key", "r2_bucket_name")


def find_object_store(settings: Settings) -> ObjectStore | None:
    """Return this installation's object store; None if it is not fully configured."""
    return None if _find_missing(settings) else _read_store(settings)


def get_object_store(settings: Settings) -> ObjectStore:
    """Return this installation's object store. Raises NotConfigured naming the first missing setting."""
    missing = _find_missing(settings)
    if missing:
        raise NotConfigured(f"The object store is not set up here: the setting {missing} is missing.")
    return _read_store(settings)


def _find_missing(settings: Settings) -> str:
    return next((name.upper() for name in _NEEDED if not getattr(settings, name)), "")


def _read_store(settings: Settings) -> ObjectStore:
    return ObjectStore(
        settings.r2_endpoint_url or f"https://{settings.r2_account_id}.r2.cloudflarestorage.com",
        settings.r2_bucket_name,
        settings.r2_access_key_id,
        settings.r2_secret_access_key,
    )
