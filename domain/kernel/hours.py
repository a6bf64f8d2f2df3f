"""Reports that are kept by the hour: which hours a reader has to count again, and the turn of the job that does so.

`models/kept_hours.py` says how hours come to be noted.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

HOUR = "date_trunc('hour', {0}, 'UTC')"
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtext('hour_change'))"


def find_cut_hours(edges: Iterable[datetime]) -> list[datetime]:
    """The hours that one of these moments lies within: what is kept of them belongs to both sides."""
    moments = [edge.astimezone(UTC) for edge in edges]
    hours = {moment.replace(minute=0, second=0, microsecond=0) for moment in moments}
    return sorted(hours - {*moments})
