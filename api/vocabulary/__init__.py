"""Descriptions of the API's field names: a field without its own description gets the one for its name.

A docstring below the field in its model takes precedence.
"""

from api.vocabulary.business import BUSINESS
from api.vocabulary.people import PEOPLE
from api.vocabulary.trade import TRADE

VOCABULARY: dict[str, str] = TRADE | PEOPLE | BUSINESS
