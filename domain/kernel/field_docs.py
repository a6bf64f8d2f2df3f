"""Descriptions of fields: the docstring below a field of an input or answer is its description in the API document.

The source is read when a schema is requested. pydantic's own `use_attribute_docstrings` reads it when each class is
created, which took a third of the program's start-up time.
"""

import ast
import inspect
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, GetJsonSchemaHandler
from pydantic_core import CoreSchema


class Described(BaseModel):
    """A model whose JSON schema describes each field by its docstring. A `Field(description=…)` takes precedence."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler, /) -> dict[str, Any]:
        """The model's schema with its descriptions."""
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema).get("properties", {})
        for name, words in field_docs(cls).items():
            field = cls.model_fields[name]
            for shown in (name, field.alias, field.serialization_alias, field.validation_alias):
                if isinstance(shown, str) and shown in properties:
                    properties[shown].setdefault("description", words)
        return schema


def field_docs(model: type[BaseModel]) -> dict[str, str]:
    """Return the docstring of each field that has one, by the field's name, including inherited fields."""
    docs: dict[str, str] = {}
    declared: set[str] = set()
    for base in model.__mro__:
        own = inspect.get_annotations(base).keys() & model.model_fields.keys()
        if own - declared:
            said = _docs_of_module(base.__module__).get(base.__qualname__, {})
            docs |= {name: said[name] for name in own - declared if name in said}
        declared |= own
    return docs


@cache
def _docs_of_module(name: str) -> dict[str, dict[str, str]]:
    """Return the field docstrings of a module's classes, by the class's qualified name and the field's name."""
    source = getattr(sys.modules.get(name), "__file__", None)
    return dict(_docs_of_classes(ast.parse(Path(source).read_bytes()), "")) if source else {}


def _docs_of_classes(parent: ast.AST, prefix: str) -> Iterator[tuple[str, dict[str, str]]]:
    for node in ast.iter_child_nodes(parent):
        if isinstance(node, ast.ClassDef):
            yield prefix + node.name, dict(_docs_of_fields(node))
            yield from _docs_of_classes(node, f"{prefix}{node.name}.")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _docs_of_classes(node, f"{prefix}{node.name}.<locals>.")


def _docs_of_fields(model: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, below in zip(model.body, model.body[1:], strict=False):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str):
            yield field.target.id, inspect.cleandoc(below.value.value)
