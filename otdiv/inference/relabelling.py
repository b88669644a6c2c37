"""Which relabellings of the pooled rows are equally likely where the null hypothesis holds.

Rows are exchanged as *units*: single rows, whole blocks, or the two rows of a pair. Within each
stratum every way to deal its units to the samples, in the numbers observed, is equally likely; a
pair keeps or swaps its two rows.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .._kernels.resampling import permutations as kernels
from .._typing import IndexArray
from ..errors import InvalidInputError

__all__ = ["ALL", "LANES", "Planes", "Relabelling", "unpacked"]

LANES = kernels.LANES
ALL = np.uint64((1 << 64) - 1)
# Bits that an enumeration may take: 256 MB.
_MOST_BITS = 2**31

# Words (k, N): bit j of word i of plane g says that row i is in sample g in relabelling j. Two
# samples have one plane, that of the first.
Planes: TypeAlias = NDArray[np.uint64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Relabelling:
    """The equally likely relabellings of N rows.

    Attributes
    ----------
    labels : int64 array (N,)
        The sample of each row, as observed.
    n_samples : int
    starts : int64 array (s + 1,)
        First unit of each stratum, and the number of units.
    targets : int64 array (k, s)
        Units of each sample in each stratum; for pairs nobody looks at it.
    unit_of_row : int64 array (N,) or None
        None where each row is a unit of the only stratum: the order of the rows is free then.
    swapped : bool array (N,) or None
        For pairs: the rows of the second sample, which have the opposite of their pair's bit.
    sizes_vary : bool
        Whether the samples may change their numbers of rows.
    """

    labels: IndexArray
    n_samples: int
    starts: IndexArray
    targets: IndexArray
    unit_of_row: IndexArray | None
    swapped: NDArray[np.bool_] | None
    sizes_vary: bool

    @classmethod
    def of_rows(
        cls,
        sizes: tuple[int, ...],
        *,
        blocks: IndexArray | None = None,
        strata: IndexArray | None = None,
    ) -> Relabelling:
        """Exchange rows, or whole blocks of them, within strata; codes (N,) of both or None.

        Raises
        ------
        InvalidInputError
            If a block has rows of two samples or of two strata, or no stratum has units of two
            samples.
        """
        labels = np.repeat(np.arange(len(sizes)), sizes)
        if blocks is None and strata is None:
            targets = np.array(sizes, dtype=np.int64)[:, None]
            starts = np.array([0, labels.size])
            return cls(
                labels=labels,
                n_samples=len(sizes),
                starts=starts,
                targets=targets,
                unit_of_row=None,
                swapped=None,
                sizes_vary=False,
            )
        rows = np.arange(labels.size) if blocks is None else blocks
        _, first, unit_of_row = np.unique(rows, return_index=True, return_inverse=True)
        unit_of_row = unit_of_row.reshape(-1)
        unit_label = labels[first]
        _check_whole("blocks", unit_label[unit_of_row] == labels, "lie in one sample", _CROSSING)
        unit_stratum = np.zeros(first.size, np.int64) if strata is None else strata[first]
        if strata is not None:
            _check_whole("blocks", unit_stratum[unit_of_row] == strata, "lie in one stratum", "")
        # Units of one stratum stand together.
        order = np.argsort(unit_stratum, kind="stable")
        place = np.empty_like(order)
        place[order] = np.arange(order.size)
        _, starts = np.unique(unit_stratum[order], return_index=True)
        stratum = np.searchsorted(starts, place, side="right") - 1
        targets = np.zeros((len(sizes), starts.size), np.int64)
        np.add.at(targets, (unit_label, stratum), 1)
        if (np.count_nonzero(targets, axis=0) < 2).all():
            name = "strata" if strata is not None else "blocks"
            requirement = "leave units to exchange: two samples at least must meet in some stratum"
            raise InvalidInputError(name, requirement, f"{starts.size} without")
        counts = np.bincount(unit_of_row)
        return cls(
            labels=labels,
            n_samples=len(sizes),
            starts=np.append(starts, order.size),
            targets=targets,
            unit_of_row=place[unit_of_row],
            swapped=None,
            sizes_vary=bool((counts != counts[0]).any()),
        )

    @classmethod
    def of_pairs(cls, n: int, blocks: IndexArray | None = None) -> Relabelling:
        """Swap the two rows of each of n pairs, or of all pairs of a block at once."""
        units = np.arange(n) if blocks is None else np.unique(blocks, return_inverse=True)[1]
        units = units.reshape(-1)
        return cls(
            labels=np.repeat([0, 1], n),
            n_samples=2,
            starts=np.array([0, int(units.max()) + 1]),
            targets=np.zeros((2, 1), np.int64),
            unit_of_row=np.concatenate([units, units]),
            swapped=np.repeat([False, True], n),
            sizes_vary=False,
        )

    def in_order(self, order: IndexArray) -> Relabelling:
        """The same for the rows in another order."""
        return replace(
            self,
            labels=self.labels[order],
            unit_of_row=None if self.unit_of_row is None else self.unit_of_row[order],
            swapped=None if self.swapped is None else self.swapped[order],
        )

    @property
    def n_units(self) -> int:
        """Units that are exchanged."""
        return int(self.starts[-1])

    @property
    def n_planes(self) -> int:
        """Planes of words: one where two samples share the rows."""
        return 1 if self.n_samples == 2 else self.n_samples

    def count(self) -> int:
        """How many relabellings there are."""
        if self.swapped is not None:
            return 1 << self.n_units
        total = 1
        for column in self.targets.T:
            rest = int(column.sum())
            for part in column[:-1]:
                total *= math.comb(rest, int(part))
                rest -= int(part)
        return total

    def is_countable(self, most: int) -> bool:
        """Whether there are at most `most` relabellings, and room to write them all down."""
        # Few units or few of one sample: otherwise the count has thousands of digits.
        if self.swapped is not None:
            few = self.n_units < 64
        else:
            least = np.sort(self.targets, axis=0)[:-1]
            few = int(least.sum()) < 64
        return few and self.count() <= most and self.count() * self.n_units <= _MOST_BITS

    def observed(self) -> Planes:
        """The samples as they are, in every lane."""
        planes = [np.where(self.labels == g, ALL, np.uint64(0)) for g in range(self.n_planes)]
        return np.array(planes)

    def drawn(self, seed: int, block: int) -> Planes:
        """64 random relabellings, the same for a seed and a block whoever draws them."""
        source = np.random.SeedSequence(entropy=seed, spawn_key=(block,))
        state = source.generate_state(4, np.uint64)
        units = np.empty((self.n_planes, self.n_units), np.uint64)
        if self.swapped is not None:
            kernels.draw_signs(state, units[0])
            return self._of_units(units)
        kernels.draw_subsets(state, None, self.starts, self.targets[0], units[0])
        if self.n_planes > 1:
            free = ~units[0]
            for g in range(1, self.n_planes - 1):
                kernels.draw_subsets(state, free, self.starts, self.targets[g], units[g])
                free &= ~units[g]
            units[-1] = free
        return self._of_units(units)

    def enumerated(self) -> list[Planes]:
        """All relabellings, 64 a block; lanes beyond the last repeat the first of their block."""
        blocks = []
        # Of two samples the smaller one is dealt: fewer units to write down.
        turned = np.zeros(self.n_units, bool)
        sizes = self.targets[: self.n_planes]
        if self.n_planes == 1 and self.swapped is None:
            larger = sizes[0] > self.targets[1]
            sizes = np.where(larger, self.targets[1], sizes)
            turned = np.repeat(larger, np.diff(self.starts))
        for chunk in _batches(self._deals(sizes)):
            bits = np.zeros((self.n_planes, self.n_units, LANES), np.uint8)
            for lane, deal in enumerate(chunk):
                for g, units in enumerate(deal):
                    bits[g, units, lane] = 1
            bits[:, :, len(chunk) :] = bits[:, :, :1]
            packed = np.packbits(bits, axis=2, bitorder="little")
            words = packed.view("<u8")[:, :, 0].astype(np.uint64)
            words[:, turned] ^= ALL
            blocks.append(self._of_units(words))
        return blocks

    def _deals(self, sizes: IndexArray) -> Iterator[list[list[int]]]:
        """Units of each plane, whose numbers in each stratum are `sizes`, for every relabelling."""
        if self.swapped is not None:
            for number in range(1 << self.n_units):
                yield [[u for u in range(self.n_units) if number >> u & 1]]
            return
        segments = [range(int(a), int(b)) for a, b in itertools.pairwise(self.starts)]
        splits = [
            _splits(tuple(units), [int(size) for size in column])
            for units, column in zip(segments, sizes.T, strict=True)
        ]
        # A product keeps what it multiplies; a single stratum may have too many for that.
        whole = (
            ((split,) for split in splits[0]) if len(splits) == 1 else itertools.product(*splits)
        )
        for parts in whole:
            yield [[unit for split in parts for unit in split[g]] for g in range(self.n_planes)]

    def _of_units(self, units: Planes) -> Planes:
        """Words of the rows from those of their units."""
        if self.unit_of_row is None:
            return units
        rows = units[:, self.unit_of_row]
        if self.swapped is not None:
            rows[:, self.swapped] ^= ALL
        return rows


_CROSSING = "(rows of both samples in one group are a stratum: `strata=`)"


def _check_whole(name: str, held: NDArray[np.bool_], requirement: str, hint: str) -> None:
    if not held.all():
        found = f"rows of two at row {int(np.argmin(held))} of the samples together"
        raise InvalidInputError(name, f"each {requirement}", found, hint)


def _splits(units: tuple[int, ...], sizes: list[int]) -> Iterator[list[tuple[int, ...]]]:
    """Every way to take groups of these sizes from the units."""
    for chosen in itertools.combinations(units, sizes[0]):
        if len(sizes) == 1:
            yield [chosen]
            continue
        taken = set(chosen)
        rest = tuple(unit for unit in units if unit not in taken)
        for others in _splits(rest, sizes[1:]):
            yield [chosen, *others]


def _batches(deals: Iterator[Any]) -> Iterator[list[Any]]:
    while batch := list(itertools.islice(deals, LANES)):
        yield batch


def unpacked(words: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """Bits (N, 64 b) of words (N, b), lane after lane."""
    plain = np.ascontiguousarray(words.astype("<u8", copy=False))
    return np.unpackbits(plain.view(np.uint8), axis=1, bitorder="little")
