"""One-time preparation of long-running processes, before the first request or job."""

import gc

from sqlalchemy.orm import configure_mappers


def freeze_what_stays() -> None:
    """Exclude all objects created during the start from garbage collection.

    Modules, routes and models are never freed. Otherwise each full collection would scan all of them and block every
    request for a tenth of a second, most often when an export of many rows triggers collections. SQLAlchemy configures
    its mappers first; otherwise the first request that uses one would take nearly as long.
    """
    configure_mappers()
    # The objects frozen earlier during the start (`run.py:loading`) include garbage too.
    gc.unfreeze()
    gc.collect()
    gc.freeze()
