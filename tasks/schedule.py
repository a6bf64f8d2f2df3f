"""The whole schedule. Times are UTC; a job is enqueued once, regardless of the number of workers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """A job that is enqueued at the times of `cron`, unless its previous run is still pending or running."""

    cron: str
    job: str


TIMETABLE = (
    Entry("*/5 * * * *", "requeue_lost_jobs"),
    Entry("*/2 * * * *", "reconcile_payments"),
    Entry("*/2 * * * *", "reconcile_labels"),
    Entry("* * * * *", "queue_due_webhooks"),
    Entry("*/5 * * * *", "fold_customer_sales"),
    Entry("*/5 * * * *", "fold_customer_standings"),
    Entry("*/5 * * * *", "fold_shared_phones"),
    Entry("*/5 * * * *", "count_renewal_days"),
    Entry("*/5 * * * *", "fold_order_days"),
    Entry("*/5 * * * *", "fold_product_count"),
    Entry("* * * * *", "fold_calling_counts"),  # until then, readers look up each entry of a bulk change
    Entry("*/5 * * * *", "fold_commission_sums"),
    Entry("*/5 * * * *", "fold_purchase_counts"),
    Entry("*/5 * * * *", "count_trade_hours"),
    Entry("*/5 * * * *", "count_journal_hours"),
    Entry("*/5 * * * *", "count_call_hours"),
    Entry("*/5 * * * *", "count_delivery_hours"),
    Entry("*/5 * * * *", "count_trail_hours"),
    Entry("*/5 * * * *", "fold_call_sums"),
    Entry("55 8 * * *", "prove_months"),
    Entry("20 8 * * *", "refresh_customer_sales"),
    Entry("*/5 * * * *", "store_check_photos"),
    Entry("17 * * * *", "forget_expired"),
    Entry("10 8 * * *", "score_customers"),
    Entry("5 14-22 * * *", "send_reminders"),  # in the daytime in Chicago
    Entry("25 14-22 * * *", "notify_of_late_parcels"),
    Entry("0 * * * *", "process_due_renewals"),  # the job renews once a day, from 07:00 in the business's time zone
    Entry("10 15 * * *", "write_ahead"),  # in the morning in Chicago
    Entry("7 * * * *", "recalculate_calling"),
    Entry("20 8 * * *", "fill_calling_list"),
    Entry("30 8 * * *", "fetch_missed_calls"),
    Entry("40 8 * * *", "forget_history"),  # at night in Chicago
    Entry("50 8 * * *", "forget_imports"),
)
