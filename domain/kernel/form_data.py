"""Converts HTML forms and query strings into the nested data that an input model reads.

Names nest by brackets (`items[0][sku]`). An empty value counts as absent. If a form sends a single-valued field twice,
the last value counts (a checkbox after a hidden "0").
"""

import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import AliasChoices, BaseModel
from pydantic.fields import FieldInfo

Pairs = Mapping[str, Sequence[str]]
Tree = dict[str, "list[str] | Tree"]

_NAME = re.compile(r"[^\[\]]+(?:\[[^\[\]]*\])*")
_PART = re.compile(r"[^\[\]]+")
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_DEEPEST = 6


class FormRows(list[Any]):
    """The rows of a form's table in order. `row_names` are the indexes under which they were sent."""

    def __init__(self, rows: Mapping[str, Any]) -> None:
        super().__init__(rows.values())
        self.row_names = list(rows)


@dataclass(frozen=True, slots=True)
class _Shape:
    """What the form reader needs to know about one field of a model."""

    names: tuple[str, ...]
    is_list: bool
    is_mapping: bool
    is_whole_number: bool
    empty_is_none: bool
    model: type[BaseModel] | None


def nest_pairs(pairs: Pairs) -> Tree:
    """Convert bracketed names into a tree. `tags[]` becomes `tags`; names in any other form are kept as they are."""
    tree: Tree = {}
    for name, values in pairs.items():
        parts = _PART.findall(name) if _NAME.fullmatch(name) else [name]
        if len(parts) > _DEEPEST:
            continue
        here = tree
        for part in parts[:-1]:
            below = here.setdefault(part, {})
            if not isinstance(below, dict):
                break
            here = below
        else:
            leaf = here.setdefault(parts[-1], [])
            if isinstance(leaf, list):
                leaf.extend(values)
    return tree


def fill_model(model: type[BaseModel], tree: Tree) -> dict[str, Any]:
    """Select what a model's fields need from a form's tree; values that pydantic parses remain text.

    An empty value becomes None if the field may be None and is None by default, so that a form can clear it.
    """
    data: dict[str, Any] = {}
    for shape in _read_shapes(model):
        for name in shape.names:
            if name in tree:
                data.update(_fill_field(shape, name, tree[name]))
    return data


def find_repeated(model: type[BaseModel], tree: Tree) -> list[str]:
    """Return the single-valued fields of a query that were sent more than once."""
    return [
        name
        for shape in _read_shapes(model)
        for name in shape.names
        if not shape.is_list and isinstance(sent := tree.get(name), list) and len(sent) > 1
    ]


def _fill_field(shape: _Shape, name: str, node: "list[str] | Tree") -> dict[str, Any]:
    if shape.is_list:
        return {name: _fill_list(shape, node)}
    if isinstance(node, dict):
        if shape.model is not None:
            return {name: fill_model(shape.model, node)}
        if shape.is_mapping:
            return {name: {key: leaf[-1] for key, leaf in node.items() if isinstance(leaf, list) and leaf}}
        return {name: node}
    value = node[-1] if node else ""
    if not value.strip():
        return {name: None} if shape.empty_is_none else {}
    return {name: _as_sent(shape, value)}


def _fill_list(shape: _Shape, node: "list[str] | Tree") -> list[Any]:
    if isinstance(node, list):
        return [_as_sent(shape, value) for value in node if value.strip()]
    rows: dict[str, Any] = {}
    for key in sorted(node, key=lambda key: (len(key), key)):
        below = node[key]
        if isinstance(below, list):
            if below and below[-1].strip():
                rows[key] = _as_sent(shape, below[-1])
        elif shape.model is not None:
            row = fill_model(shape.model, below)
            if any(value not in (None, [], {}) for value in row.values()):
                rows[key] = row
    return FormRows(rows)


def _as_sent(shape: _Shape, value: str) -> str:
    """Return the text unchanged, but drop text that only pydantic reads as an integer ("1_000", "2.0")."""
    if shape.is_whole_number and not _WHOLE_NUMBER.fullmatch(value.strip()):
        return ""
    return value


@lru_cache(maxsize=1024)
def _read_shapes(model: type[BaseModel]) -> tuple[_Shape, ...]:
    return tuple(_read_shape(name, field) for name, field in model.model_fields.items())


def _read_shape(name: str, field: FieldInfo) -> _Shape:
    kinds = _plain_kinds(field.annotation)
    list_kind = next((kind for kind in kinds if get_origin(kind) in {list, tuple, set, frozenset}), None)
    inner = _plain_kinds(get_args(list_kind)[0]) if list_kind is not None else kinds
    model = next((kind for kind in inner if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
    return _Shape(
        names=_names_of(name, field),
        is_list=list_kind is not None,
        is_mapping=any(kind is dict or get_origin(kind) is dict for kind in inner),
        is_whole_number=int in inner and str not in inner,
        empty_is_none=type(None) in kinds and field.default is None,
        model=model,
    )


def _plain_kinds(annotation: Any) -> tuple[Any, ...]:
    """Return the plain types of an annotation, without unions and Annotated."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _plain_kinds(get_args(annotation)[0])
    if origin is Union or origin is types.UnionType:
        return tuple(kind for part in get_args(annotation) for kind in _plain_kinds(part))
    return (annotation,)


def _names_of(name: str, field: FieldInfo) -> tuple[str, ...]:
    alias = field.validation_alias or field.alias
    others: list[str] = []
    if isinstance(alias, AliasChoices):
        others = [choice for choice in alias.choices if isinstance(choice, str)]
    elif isinstance(alias, str):
        others = [alias]
    return tuple(dict.fromkeys((*others, name)))
