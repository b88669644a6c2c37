"""Adapters that put otdiv behind the public functions of its peers, one file for each peer.

An adapter module holds `ADAPTER`: which tests of the peer to take, which of its functions are
answered by otdiv, and the list of the tests that fail for a stated reason. Its functions take the
peer's arguments and return what the peer returns, with numbers that otdiv computed: they translate
names, shapes and conventions, and never fall back on the peer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

# Why a test of a peer fails.
CONVENTION = "convention"
LATER = "later feature"


class NoCounterpartError(Exception):
    """A call that otdiv has no answer for; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Listed:
    """Tests that are known to fail: `tests` is an id in which `*` stands for any text."""

    tests: str
    kind: str
    reason: str

    def matches(self, test: str) -> bool:
        """Whether the entry speaks of the test of this id."""
        pattern = ".*".join(re.escape(part) for part in self.tests.split("*"))
        return re.fullmatch(pattern, test) is not None

    @property
    def file(self) -> str:
        """The file that holds the tests."""
        return self.tests.partition("::")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """How the tests of one peer are run against otdiv.

    Attributes
    ----------
    name, package : str
        The peer, and the distribution that installs it.
    folders : mapping of str to str
        Folders of tests in the peer's source, and the names under which they are run (and by which
        ids start).
    files : tuple of str
        Test files to run, as globs below those names.
    doors : mapping of str to callable
        Dotted names of the peer's functions, and what answers in their place.
    beside : mapping of str to float
        Doors whose number, or first of two results, is also held against what the peer's own
        function says of the same arguments, and the relative difference that is allowed: many
        tests of a peer compare its functions with each other, and would now compare otdiv with
        itself.
    listed : tuple of Listed
    options : tuple of str
        Further options of pytest.
    environment : mapping of str to str
        Further variables of the environment.
    """

    name: str
    package: str
    folders: Mapping[str, str]
    files: tuple[str, ...]
    doors: Mapping[str, Callable[..., Any]]
    beside: Mapping[str, float] = field(default_factory=dict)
    listed: tuple[Listed, ...] = ()
    options: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
