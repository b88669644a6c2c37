"""Arcs of a Cartesian grid as a transportation problem, and the plan of a flow on them.

Under the sum of absolute differences, mass that goes from one cell of a grid to another may go
from neighbour to neighbour at the same cost. A flow on these few arcs therefore is an optimal plan,
once it is known which source each part of it came from.

**As a transportation problem** (Orden 1956): every cell is a source and a target. The arc of a cell
to itself is free, and its mass is raised by as much on both sides as may ever pass through it. What
the cell lacks on its own arc has passed through.

References
----------
Orden (1956), The transhipment problem, doi:10.1287/mnsc.2.3.276.
"""

import numpy as np

from .._jit import kernel

__all__ = ["decompose", "grid_arcs"]


def grid_arcs(axes: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Arcs of every cell to itself and to its neighbours: (from, to, cost), by the first cell.

    Cells are numbered in C order; `axes` are the increasing coordinates along each dimension.
    """
    shape = tuple(axis.size for axis in axes)
    cells = np.arange(int(np.prod(shape))).reshape(shape)
    begins, ends, costs = [cells.ravel()], [cells.ravel()], [np.zeros(cells.size)]
    for k, axis in enumerate(axes):
        turned = np.moveaxis(cells, k, -1)
        low, high = turned[..., :-1].ravel(), turned[..., 1:].ravel()
        steps = np.broadcast_to(np.diff(axis), turned[..., 1:].shape).ravel()
        begins += [low, high]
        ends += [high, low]
        costs += [steps, steps]
    begin, end, cost = (np.concatenate(parts) for parts in (begins, ends, costs))
    order = np.argsort(begin, kind="stable")
    return begin[order], end[order], cost[order]


@kernel
def decompose(begin, end, flow, supply, demand):
    """Pairs (source cell, target cell) that a flow along arcs without cycles moves mass between.

    `supply` and `demand` (cells,) are what enters and leaves at each cell; all are whole numbers.
    Parcels pass through cells first in, first out, which leaves the pairs of a flow on a forest a
    forest.
    """
    cells, arcs = supply.size, begin.size
    first = np.full(cells, -1)  # arcs that leave a cell, as linked lists
    following = np.empty(arcs, np.int64)
    waits_for = np.zeros(cells, np.int64)
    for e in range(arcs):
        following[e] = first[begin[e]]
        first[begin[e]] = e
        waits_for[end[e]] += 1
    # Parcels: where from, how much, and the next in the queue of their cell.
    room = 2 * (cells + arcs) + 1
    origin, amount, behind = np.empty(room, np.int64), np.empty(room, np.int64), np.full(room, -1)
    head, tail = np.full(cells, -1), np.full(cells, -1)
    n_parcels = 0
    for cell in range(cells):
        if supply[cell] > 0:
            origin[n_parcels], amount[n_parcels] = cell, supply[cell]
            head[cell] = tail[cell] = n_parcels
            n_parcels += 1
    rows, columns = np.empty(room, np.int64), np.empty(room, np.int64)
    n_pairs = 0
    ready = np.empty(cells, np.int64)
    count = 0
    for cell in range(cells):
        if waits_for[cell] == 0:
            ready[count] = cell
            count += 1
    done = 0
    while done < count:
        cell = ready[done]
        done += 1
        e = np.int64(-1)  # first the cell's own demand
        wanted = demand[cell]
        while True:
            while wanted > 0 and head[cell] >= 0:
                parcel = head[cell]
                taken = min(wanted, amount[parcel])
                wanted -= taken
                whole = taken == amount[parcel]
                if whole:
                    head[cell] = behind[parcel]
                else:
                    amount[parcel] -= taken
                if e < 0:
                    rows[n_pairs], columns[n_pairs] = origin[parcel], cell
                    n_pairs += 1
                    continue
                if not whole:
                    origin[n_parcels] = origin[parcel]
                    parcel = n_parcels
                    n_parcels += 1
                    amount[parcel] = taken
                behind[parcel] = -1
                other = end[e]
                if head[other] < 0:
                    head[other] = parcel
                else:
                    behind[tail[other]] = parcel
                tail[other] = parcel
            if e >= 0:
                waits_for[end[e]] -= 1
                if waits_for[end[e]] == 0:
                    ready[count] = end[e]
                    count += 1
            e = first[cell] if e < 0 else following[e]
            if e < 0:
                break
            wanted = flow[e]
    return rows[:n_pairs], columns[:n_pairs]
