"""The texts of a box rule: its fields, and the effect of saving it."""

from dataclasses import dataclass
from decimal import Decimal

from documents.filters import format_number, format_plural
from domain.boxes.pack import MOST_OUNCES
from domain.boxes.rules import BoxRuleRow, CreateBoxRule
from domain.warehouse.rule_effect import RuleEffect

OUNCES_PER_POUND = 16
FIELD_WORDS = {
    "qty_per_box": "In a box", "box_name": "Box", "length_in": "Length", "width_in": "Width", "height_in": "Height",
    "notes": "Note",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class EffectWords:
    """One sentence on a rule's effect, with its tone."""

    sentence: str
    weight: str
    tone: str


def write_values(rule: BoxRuleRow | None) -> dict[str, str]:
    """The form's fields as text; defaults for a new rule."""
    if rule is None:
        return dict.fromkeys(FIELD_WORDS, "") | {"qty_per_box": "1"}
    return {name: _write(getattr(rule, name)) for name in FIELD_WORDS}


def write_effect(effect: RuleEffect, rule: CreateBoxRule) -> EffectWords:
    """The effect on the tried order, and on those of the last 30 days."""
    sentences = []
    if effect.boxes_now is not None and effect.boxes_then is not None:
        boxes = format_plural(effect.boxes_then, "box", "boxes")
        same = effect.boxes_now == effect.boxes_then
        sentences.append(f"Same {boxes} as now." if same else f"{boxes} instead of {format_number(effect.boxes_now)}.")
    if not effect.orders:
        sentences.append("No order of the last 30 days holds this product.")
    else:
        hold = "holds" if effect.orders == 1 else "hold"
        known = f"{format_plural(effect.orders, 'order')} of the last 30 days {hold} this product"
        among = "" if effect.looked_at == effect.orders else f" of the newest {format_number(effect.looked_at)}"
        changed = "none" if not effect.changed else format_number(effect.changed)
        sentences.append(f"{known}; {changed}{among} {'change' if effect.changed > 1 else 'changes'}.")
    return EffectWords(" ".join(sentences), _write_weight(effect, rule), "info" if effect.changed else "good")


def _write_weight(effect: RuleEffect, rule: CreateBoxRule) -> str:
    """The weight of a full box, and the number of units that fit if it is too heavy."""
    if not effect.unit_weight_oz:
        return ""
    each, most = effect.unit_weight_oz / OUNCES_PER_POUND, MOST_OUNCES / OUNCES_PER_POUND
    pounds = each * rule.qty_per_box
    said = f"A full box weighs {format_number(rule.qty_per_box)} × {each:.1f} = {pounds:.1f} of {most:.0f} lb"
    fits = max(1, int(MOST_OUNCES // effect.unit_weight_oz))
    return f"{said}, so that {format_number(fits)} fill one" if pounds > most and rule.qty_per_box > fits else said


def _write(value: str | int | Decimal | None) -> str:
    return "" if value is None else f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)
