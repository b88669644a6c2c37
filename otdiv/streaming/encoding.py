"""States as bytes: a header of JSON, arrays, and a checksum that refuses what was cut or changed.

The layout is a magic word, the length of the header (4 bytes, little endian), the header with the
kind of state, the version, its plain fields and the shapes of the arrays, then the arrays in little
endian, and 16 bytes of BLAKE2b of all before.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidInputError

__all__ = ["packed", "refused", "unpacked"]

_MAGIC = b"otdiv\x00st"
_VERSION = 1
_DIGEST = 16
_TYPES = {"i8": np.dtype("<i8"), "f8": np.dtype("<f8")}


def packed(kind: str, fields: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Bytes of a state; the same state has the same bytes."""
    stored = {}
    blocks = []
    for name, array in arrays.items():
        code = "f8" if array.dtype.kind == "f" else "i8"
        stored[name] = [code, *array.shape]
        blocks.append(np.ascontiguousarray(array, _TYPES[code]).tobytes())
    header = {"kind": kind, "version": _VERSION, "fields": dict(fields), "arrays": stored}
    text = json.dumps(header, sort_keys=False, separators=(",", ":"), ensure_ascii=True).encode()
    body = b"".join([_MAGIC, struct.pack("<I", len(text)), text, *blocks])
    return body + hashlib.blake2b(body, digest_size=_DIGEST).digest()


def refused(kind: str, reason: str) -> InvalidInputError:
    """The error for bytes that are no state."""
    return InvalidInputError("data", f"be the bytes of a {kind}, whole and unchanged", reason)


def unpacked(kind: str, data: Any) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Fields and arrays (writable copies) of a state of this kind.

    Raises
    ------
    InvalidInputError
        If the bytes are none of a state, of another kind or version, cut, or changed.
    """
    if not isinstance(data, bytes | bytearray | memoryview):
        raise refused(kind, f"a {type(data).__name__}")
    data = bytes(data)
    start = len(_MAGIC) + 4
    if len(data) < start + _DIGEST or not data.startswith(_MAGIC):
        raise refused(kind, f"{len(data)} bytes of something else")
    body, digest = data[:-_DIGEST], data[-_DIGEST:]
    if hashlib.blake2b(body, digest_size=_DIGEST).digest() != digest:
        raise refused(kind, "bytes that were cut or changed")
    (length,) = struct.unpack_from("<I", body, len(_MAGIC))
    try:
        header = json.loads(body[start : start + length])
        found, version = header["kind"], header["version"]
    except (ValueError, KeyError, TypeError):
        raise refused(kind, "a header that cannot be read") from None
    if found != kind:
        raise refused(kind, f"those of a {found}")
    if version != _VERSION:
        raise refused(kind, f"version {version}, where this release reads {_VERSION}")
    arrays, position = {}, start + length
    for name, (code, *shape) in header["arrays"].items():
        dtype, size = _TYPES[code], math.prod(shape)
        part = np.frombuffer(body, dtype, count=size, offset=position)
        arrays[name] = part.astype(dtype.newbyteorder("="), copy=True).reshape(shape)
        position += size * dtype.itemsize
    return header["fields"], arrays
