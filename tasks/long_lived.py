"""What a process that runs for weeks does once, before its first request or job."""

import gc

from sqlalchemy.orm import configure_mappers


def freeze_what_stays() -> None:
    """Take all that the start has made out of the garbage collector's rounds.

    Modules, routes and models never go away; without this, each full round walks through all of them again and holds
    up every request for a tenth of a second, just when an export of many rows makes the rounds frequent. SQLAlchemy
    puts its tables in order first; else the first request that uses one waits nearly as long.
    """
    configure_mappers()
    # What the start froze unseen (`run.py:loading`) holds garbage as well.
    gc.unfreeze()
    gc.collect()
    gc.freeze()
