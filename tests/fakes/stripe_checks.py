"""Holds a request's parameters against the pinned SDK's own parameter types, and reads Stripe's nested forms."""

import re
import types
import typing
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

import typing_extensions

_PART = re.compile(r"\[([^\]]*)\]")
_OPTIONS = {
    "api_key", "stripe_version", "stripe_account", "stripe_context", "max_network_retries", "idempotency_key",
    "content_type", "headers",
}  # fmt: skip


def read_nested(text: str) -> dict[str, Any]:
    """`a[b][0][c]=1` as nested mappings, numbered ones as lists."""
    tree: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        first = name.split("[", 1)[0]
        path = [first, *_PART.findall(name)]
        place = tree
        for step in path[:-1]:
            place = place.setdefault(step, {})
        place[path[-1]] = value
    return {name: _as_list(value) for name, value in tree.items()}


def _as_list(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {name: _as_list(part) for name, part in value.items()}
    if inner and all(name.isdigit() for name in inner):
        return [inner[name] for name in sorted(inner, key=int)]
    return inner


def find_problem(parameters: Any, kind: Any, path: str = "") -> str:  # noqa: PLR0911 - one return a kind of type
    """What the SDK's types say against these parameters; empty when nothing."""
    if typing_extensions.is_typeddict(kind):
        return _check_mapping(parameters, kind, path)
    origin = typing.get_origin(kind)
    if origin in {typing_extensions.Required, typing_extensions.NotRequired}:
        return find_problem(parameters, typing.get_args(kind)[0], path)
    if origin in {typing.Union, types.UnionType}:
        problems = [find_problem(parameters, part, path) for part in typing.get_args(kind) if part is not type(None)]
        # The SDK allows any text beside a list of words; the words are what Stripe takes.
        literals = [part for part in typing.get_args(kind) if typing.get_origin(part) is typing.Literal]
        is_flag = bool in typing.get_args(kind) and parameters in {"true", "false"}
        if literals and isinstance(parameters, str) and not is_flag:
            problems = [find_problem(parameters, part, path) for part in literals]
        return "" if "" in problems else problems[0]
    if origin is typing.Literal:
        return "" if str(parameters) in map(str, typing.get_args(kind)) else f"{path}: {parameters!r} is not allowed"
    if origin is list:
        if not isinstance(parameters, list):
            return f"{path}: must be a list"
        found = (find_problem(part, typing.get_args(kind)[0], f"{path}[{n}]") for n, part in enumerate(parameters))
        return next(filter(None, found), "")
    if origin is dict:
        return "" if isinstance(parameters, dict) else f"{path}: must be a mapping"
    return _check_plain(parameters, kind, path)


def _check_mapping(parameters: Any, kind: Any, path: str) -> str:
    if not isinstance(parameters, dict):
        return f"{path}: must be a mapping"
    hints = typed_hints(kind)
    for name, value in parameters.items():
        if name not in hints or name in _OPTIONS:
            return f"Received unknown parameter: {path}{name}"
        if problem := find_problem(value, hints[name], f"{path}{name}."):
            return problem
    missing = {name for name in kind.__required_keys__ if name in hints} - set(parameters)
    return f"Missing required param: {path}{min(missing)}." if missing else ""


def _check_plain(parameters: Any, kind: Any, path: str) -> str:
    if kind is int:
        return "" if str(parameters).lstrip("-").isdigit() else f"{path}: {parameters!r} is no integer"
    if kind is bool:
        return "" if parameters in {"true", "false"} else f"{path}: {parameters!r} is no boolean"
    if kind is str:
        return "" if isinstance(parameters, str) else f"{path}: must be text"
    return "" if kind is Any or isinstance(parameters, str) else f"{path}: unexpected {kind}"


@lru_cache(maxsize=200)
def typed_hints(kind: Any) -> dict[str, Any]:
    """The types of a TypedDict's entries, with the names that stand in them looked up."""
    from stripe._stripe_object import UntypedStripeObject

    # The SDK's options beside the parameters name types that its parameter files do not import.
    names = {"UntypedStripeObject": UntypedStripeObject, "StripeContext": str, "Mapping": Mapping}
    return typing_extensions.get_type_hints(kind, localns=names, include_extras=True)
