"""Precalculated number of subscriptions of each status, so that their page need not count them.

Triggers insert a row for what each change adds or subtracts, in its own transaction and without a lock. The sum of all
rows is always exact; a job folds them into one for each status.
"""

from sqlalchemy import DDL, BigInteger, event
from sqlmodel import Field

from models.base import Table, key


class SubscriptionCount(Table, table=True):
    """The subscriptions that a status gained since the last fold, negative if it lost them."""

    __tablename__ = "subscription_count"

    id: int = key()
    status: str
    subscriptions: int = Field(sa_type=BigInteger, nullable=False)


NOTE_SUBSCRIPTIONS = (
    """
CREATE FUNCTION note_subscription_count() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO subscription_count (status, subscriptions) SELECT status, count(*) FROM written GROUP BY status;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO subscription_count (status, subscriptions) SELECT status, -count(*) FROM dropped GROUP BY status;
  ELSE
    INSERT INTO subscription_count (status, subscriptions) VALUES (OLD.status, -1), (NEW.status, 1);
  END IF;
  RETURN NULL;
END $body$
""",
    """
CREATE TRIGGER subscription_count_inserted AFTER INSERT ON subscription REFERENCING NEW TABLE AS written
FOR EACH STATEMENT EXECUTE FUNCTION note_subscription_count()
""",
    """
CREATE TRIGGER subscription_count_deleted AFTER DELETE ON subscription REFERENCING OLD TABLE AS dropped
FOR EACH STATEMENT EXECUTE FUNCTION note_subscription_count()
""",
    """
CREATE TRIGGER subscription_count_updated AFTER UPDATE OF status ON subscription FOR EACH ROW
WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION note_subscription_count()
""",
)
for _statement in NOTE_SUBSCRIPTIONS:
    event.listen(Table.metadata, "after_create", DDL(_statement))  # type: ignore[no-untyped-call]
