"""Frozen nouns stay frozen: their arrays are read-only, also after pickle and copies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

import numpy as np

__all__ = ["freeze", "restore", "seal", "seal_in_place"]


def freeze(instance: Any, **values: Any) -> None:
    """Set fields of a frozen dataclass; what is an array becomes a read-only view."""
    for name, value in values.items():
        if isinstance(value, np.ndarray):
            value = value[...]
            value.setflags(write=False)
        object.__setattr__(instance, name, value)


def seal(instance: Any) -> None:
    """`__post_init__` of a frozen dataclass that the library fills: read-only views of arrays."""
    for field in fields(instance):
        value = getattr(instance, field.name)
        if isinstance(value, np.ndarray) and value.flags.writeable:
            freeze(instance, **{field.name: value})
        elif isinstance(value, tuple):
            seal_in_place(value)


def restore(instance: Any, state: Iterable[Any]) -> None:
    """`__setstate__` of a frozen, slotted dataclass whose arrays are read-only.

    `state` holds the fields in order, as dataclasses write it. Arrays that come out of a pickle or
    a deep copy are writable, and nobody else holds them yet: they are sealed in place, so that
    fields which share one still do.
    """
    for field, value in zip(fields(instance), state, strict=True):
        seal_in_place(value)
        object.__setattr__(instance, field.name, value)


def seal_in_place(value: Any) -> None:
    """Make an array that nobody else holds read-only, or all of them in a tuple."""
    if isinstance(value, np.ndarray):
        value.setflags(write=False)
    elif isinstance(value, tuple):
        for part in value:
            seal_in_place(part)
