"""Assigns tiers to customers: the first rule that applies, in the order of `Tier`."""

import numpy as np

from domain.scores.numbers import Flags, Numbers
from models.customer_score import Tier

ALIVE = 0.8
DOUBTFUL = 0.3
TOP_SHARE = 0.2
# The meaning of the tiers, for people.
TIER_RULES: dict[Tier, str] = {
    Tier.NEW: "One order day",
    Tier.PROMISING: "2–3 order days, alive 30%+",
    Tier.CHAMPION: "Alive 80%+, top fifth by value",
    Tier.LOYAL: "Alive 80%+",
    Tier.AT_RISK: "Alive 30–80%, and overdue",
    Tier.DORMANT: "Alive below 30%",
    Tier.STEADY: "None of the others",
}


def choose_tiers(frequency: Numbers, p_alive: Numbers, lifetime_value: Numbers, is_overdue: Flags) -> list[Tier]:
    """Return a tier for each customer.

    `frequency` is the number of order days after the first, `p_alive` is between 0 and 1, `lifetime_value` is in US
    dollars. The top fifth is that of all the customers passed.
    """
    top = np.quantile(lifetime_value, 1 - TOP_SHARE)
    rules = [
        frequency == 0,
        (frequency <= 2) & (p_alive >= DOUBTFUL),
        (p_alive >= ALIVE) & (lifetime_value >= top),
        p_alive >= ALIVE,
        (p_alive >= DOUBTFUL) & is_overdue,
        p_alive < DOUBTFUL,
    ]
    names = [str(tier) for tier in TIER_RULES]
    return [Tier(str(name)) for name in np.select(rules, names[:-1], default=names[-1])]
