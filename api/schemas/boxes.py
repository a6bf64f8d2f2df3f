"""Answers about boxes: sizes in inches, weights in ounces."""

from api.schemas.base import Answer, MoneyOut


class BoxRuleOut(Answer):
    id: int
    product_id: int
    product_name: str
    product_sku: str
    qty_per_box: int
    """Units per full box."""
    box_name: str
    length_in: MoneyOut | None
    """Length in inches; null if the box has not been measured."""
    width_in: MoneyOut | None
    height_in: MoneyOut | None
    notes: str


class BoxRulesOut(Answer):
    box_recommendations: list[BoxRuleOut]
    total: int
    page: int
    per_page: int
    pages: int


class SavedBoxRuleOut(Answer):
    success: bool = True
    box_recommendation: BoxRuleOut


class DeletedBoxRuleOut(Answer):
    success: bool = True


class BoxSuggestionOut(Answer):
    product_id: int
    product_name: str
    quantity: int
    box_name: str
    """Empty if neither a rule nor the product names a box."""
    qty_per_box: int
    boxes: int
    """Number of boxes for the quantity."""
    length_in: MoneyOut | None
    width_in: MoneyOut | None
    height_in: MoneyOut | None
    weight_oz: MoneyOut | None
    """Weight of the goods in one full box, in ounces."""


class BoxSuggestionsOut(Answer):
    rules: list[BoxSuggestionOut]


class BoxProductOut(Answer):
    id: int
    name: str
    sku: str
    brand: str
    unit_size: str


class BoxProductsOut(Answer):
    products: list[BoxProductOut]
