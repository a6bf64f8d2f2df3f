"""Answers about boxes: sizes in inches, weights in ounces."""

from api.schemas.base import Answer, MoneyOut


class BoxRuleOut(Answer):
    id: int
    product_id: int
    product_name: str
    product_sku: str
    qty_per_box: int
    """How many units fill one box."""
    box_name: str
    length_in: MoneyOut | None
    """Length in inches; null while nobody measured the box."""
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
    """Empty where neither a rule nor the product says which box."""
    qty_per_box: int
    boxes: int
    """How many boxes the quantity makes."""
    length_in: MoneyOut | None
    width_in: MoneyOut | None
    height_in: MoneyOut | None
    weight_oz: MoneyOut | None
    """What the goods in one full box weigh, in ounces."""


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
