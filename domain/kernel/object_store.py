"""Which object store is used, if any; what lies in it is named by keys that the rows keep."""

from domain.kernel.errors import NotConfigured
from integrations.r2_client import ObjectStore
from settings import Settings

_NEEDED = ("r2_account_id", "r2_access_key_id", "r2_secret_access_key", "r2_bucket_name")


def find_object_store(settings: Settings) -> ObjectStore | None:
    """The store of this installation; None where none is set up, or not wholly."""
    return None if _find_missing(settings) else _read_store(settings)


def get_object_store(settings: Settings) -> ObjectStore:
    """The store of this installation; raises NotConfigured naming the first missing setting."""
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
