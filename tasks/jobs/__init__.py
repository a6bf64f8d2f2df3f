"""The jobs: each module here registers its own, and `load_jobs` loads them all."""

import importlib
import pkgutil

from tasks.job import JOBS, Job


def load_jobs() -> dict[str, Job]:
    """Return every job by name."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return JOBS
