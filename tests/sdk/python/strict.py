"""Holds JSON against an SDK's own type, stricter than the SDK does it.

SDKs are lenient: they send what they are given and keep what they do not know. Here a member that the
type does not have, one that it requires and is not there, and a value of another kind are each a fault.
"""

import base64
import binascii
import collections.abc
import datetime
import enum
import functools
import types
import typing
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typing_extensions
from pydantic import BaseModel
from pydantic.v1 import BaseModel as OlderModel

MARKS = (typing_extensions.Required, typing_extensions.NotRequired, typing_extensions.ReadOnly, typing.ClassVar)
MAPPINGS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)


def faults(value, kind, at="$", free=frozenset()) -> list[str]:
    """What is wrong with a value, each with its place; `free` types may hold what they do not know."""
    look = functools.partial(faults, free=free)
    if isinstance(kind, typing_extensions.TypeAliasType) or type(kind).__name__ == "TypeAliasType":
        return look(value, kind.__value__, at)
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return look(value, args[0], at)
    if origin in MARKS:
        return look(value, args[0], at)
    if kind in (Any, object):
        return []
    if origin is Literal:
        known = any(type(value) is type(word) and value == word for word in args)
        return [] if known else [f"{at}: {value!r} is none of {args}"]
    if origin in (Union, types.UnionType):
        return least(value, args, at, look)
    if origin in MAPPINGS:
        return members(value, args, at, look)
    if origin is not None:
        return items(value, args, at, look)
    if typing_extensions.is_typeddict(kind):
        return structure(value, typed_dict(kind), at, look)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return structure(value, model(kind, kind in free), at, look)
    if isinstance(kind, type) and issubclass(kind, OlderModel):
        return structure(value, older_model(kind), at, look)
    return [] if is_plain(value, kind) else [f"{at}: {value!r:.80} is no {kind}"]


def least(value, choices, at, look) -> list[str]:
    """The faults in the eyes of the choice that has the fewest."""
    if any(get_origin(choice) is Literal for choice in choices):
        # "These words, or anything" is how some SDKs stay open to new words; it says nothing.
        choices = [choice for choice in choices if choice is not Any] or choices
    found = [look(value, choice, at) for choice in choices]
    # A choice that disagrees about the kind of value, or about the tag, was not meant.
    apart = tuple(f"{at}{end}: " for end in ("", ".type", ".role"))
    return min(found, key=lambda faults: (any(fault.startswith(apart) for fault in faults), len(faults)))


def members(value, args, at, look) -> list[str]:
    if not isinstance(value, dict):
        return [f"{at}: {value!r:.80} is no object"]
    kind = args[1] if len(args) == 2 else Any
    return [fault for name, member in value.items() for fault in look(member, kind, f"{at}.{name}")]


def items(value, args, at, look) -> list[str]:
    if not isinstance(value, list):
        return [f"{at}: {value!r:.80} is no array"]
    kind = args[0] if args else Any
    return [fault for i, item in enumerate(value) for fault in look(item, kind, f"{at}[{i}]")]


class Layout(typing.NamedTuple):
    kinds: dict[str, Any]
    required: frozenset[str]
    free: bool


@functools.cache
def typed_dict(kind) -> Layout:
    kinds = typing_extensions.get_type_hints(kind, include_extras=True)
    marked = {mark: {n for n, k in kinds.items() if get_origin(k) is mark} for mark in MARKS[:2]}
    required = (kind.__required_keys__ | marked[MARKS[0]]) - marked[MARKS[1]]
    config = getattr(kind, "__pydantic_config__", {})
    return Layout(kinds, frozenset(required), config.get("extra") == "allow")


@functools.cache
def model(kind, free) -> Layout:
    kind.model_rebuild()
    kinds, required = {}, set()
    for name, field in kind.model_fields.items():
        noted = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
        written = field.alias or alias(noted) or name
        kinds[written] = noted
        # The one word that a member may be is a tag; some SDKs put it in when it is left out.
        if field.is_required() or get_origin(field.annotation) is Literal and len(get_args(field.annotation)) == 1:
            required.add(written)
    return Layout(kinds, frozenset(required), free)


@functools.cache
def older_model(kind) -> Layout:
    fields = kind.__fields__.values()
    kinds = {field.alias: field.annotation for field in fields}
    return Layout(kinds, frozenset(field.alias for field in fields if field.required), False)


def alias(kind) -> str | None:
    notes = get_args(kind)[1:] if get_origin(kind) is Annotated else ()
    return next((note.alias for note in notes if getattr(note, "alias", None)), None)


def structure(value, layout, at, look) -> list[str]:
    if not isinstance(value, dict):
        return [f"{at}: {value!r:.80} is no object"]
    found = [f"{at}.{name}: required" for name in sorted(layout.required - value.keys())]
    for name, member in value.items():
        if name in layout.kinds:
            found += look(member, layout.kinds[name], f"{at}.{name}")
        elif not layout.free:
            found.append(f"{at}.{name}: unknown")
    return found


def is_plain(value, kind) -> bool:
    if kind in (None, type(None)):
        return value is None
    if kind in (list, dict, str, bool):
        return type(value) is kind
    if kind is int:
        return type(value) is int
    if kind is float:
        return type(value) in (int, float)
    if kind in (datetime.datetime, datetime.date):
        return isinstance(value, str) and is_time(value)
    if kind is bytes:
        return isinstance(value, str) and is_base64(value)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        known = [word.value for word in kind]
        # Google's: its SDK and its API read either case.
        folds = any(base.__name__ == "CaseInSensitiveEnum" for base in kind.__mro__)
        return value in known or (folds and isinstance(value, str) and value.upper() in known)
    return False


def is_time(text) -> bool:
    try:
        return bool(datetime.datetime.fromisoformat(text))
    except ValueError:
        return False


def is_base64(text) -> bool:
    try:
        return bool(base64.b64decode(text.translate(str.maketrans("-_", "+/")), validate=True)) or not text
    except binascii.Error:
        return False
