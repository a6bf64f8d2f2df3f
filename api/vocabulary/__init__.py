"""What the names of the API mean, said once: a field that has no description of its own gets the one of its name.

A field that means something particular carries a docstring in its model, which wins.
"""

from api.vocabulary.business import BUSINESS
from api.vocabulary.people import PEOPLE
from api.vocabulary.trade import TRADE

VOCABULARY: dict[str, str] = TRADE | PEOPLE | BUSINESS
