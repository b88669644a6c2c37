"""Placing missing mass on allowed pairs only: augmenting paths through a plan."""

import numpy as np

from .._jit import kernel


@kernel
def reroute(plan, C, row_rest, column_rest, max_visits):
    """Complete `plan` (n, m) in place where C is finite; returns whether nothing is left over.

    A row that lacks mass takes a column that does, over an allowed pair, or over pairs that the
    plan uses: row to column over an allowed pair, on from that column to a row that sends it mass,
    and from there to another column, which moves that mass on. Paths are shortest ones. The rests
    (n,), (m,) are used up in place. After `max_visits` looked-at pairs it gives up.
    """
    n, m = C.shape
    came_from = np.empty(m, np.int64)
    through = np.empty(n, np.int64)
    queue = np.empty(n, np.int64)
    visits = 0
    for start in range(n):
        while row_rest[start] > 0.0:
            if column_rest.max() <= 0.0:
                return False
            came_from[:] = -1
            through[:] = -1
            queue[0] = start
            head = 0
            tail = 1
            end = -1
            while head < tail and end < 0:
                i = queue[head]
                head += 1
                visits += m
                for j in range(m):
                    if came_from[j] >= 0 or C[i, j] == np.inf:
                        continue
                    came_from[j] = i
                    if column_rest[j] > 0.0:
                        end = j
                        break
                    visits += n
                    for k in range(n):
                        if k != start and through[k] < 0 and plan[k, j] > 0.0:
                            through[k] = j
                            queue[tail] = k
                            tail += 1
                if visits > max_visits:
                    return False
            if end < 0:
                return False
            moved = min(row_rest[start], column_rest[end])
            j = end
            while came_from[j] != start:
                i = came_from[j]
                moved = min(moved, plan[i, through[i]])
                j = through[i]
            row_rest[start] -= moved
            column_rest[end] -= moved
            j = end
            while True:
                i = came_from[j]
                plan[i, j] += moved
                if i == start:
                    break
                plan[i, through[i]] -= moved
                j = through[i]
    return True


@kernel
def reroute_entries(
    mass, rows, columns, row_starts, by_column, column_starts, row_rest, column_rest, max_visits
):
    """`reroute` of the masses (k,) of the allowed pairs (rows[e], columns[e]), ordered by row.

    Row i has the pairs ``row_starts[i]`` to ``row_starts[i + 1] - 1``, column j those that
    `by_column` lists from ``column_starts[j]`` on.
    """
    n, m = row_rest.size, column_rest.size
    # The pair that reached a column, and the one that reached a row; and the number of the search
    # in which it did, so that nothing has to be cleared for the next. What a search in vain has
    # reached leads nowhere later either.
    came_from = np.empty(m, np.int64)
    through = np.empty(n, np.int64)
    seen_column, seen_row = np.zeros(m, np.int64), np.zeros(n, np.int64)
    queue = np.empty(n, np.int64)
    visits = 0
    search = 0
    in_vain = np.int64(2**62)
    n_open = 0
    for j in range(m):
        n_open += column_rest[j] > 0.0
    for start in range(n):
        while row_rest[start] > 0.0 and seen_row[start] < in_vain:
            if n_open == 0:
                return
            search += 1
            queue[0] = start
            seen_row[start] = search
            head = 0
            tail = 1
            end = -1
            while head < tail and end < 0:
                i = queue[head]
                head += 1
                visits += row_starts[i + 1] - row_starts[i] + 1
                for e in range(row_starts[i], row_starts[i + 1]):
                    j = columns[e]
                    if seen_column[j] >= search:
                        continue
                    seen_column[j] = search
                    came_from[j] = e
                    if column_rest[j] > 0.0:
                        end = j
                        break
                    visits += column_starts[j + 1] - column_starts[j]
                    for place in range(column_starts[j], column_starts[j + 1]):
                        other = by_column[place]
                        k = rows[other]
                        if seen_row[k] < search and mass[other] > 0.0:
                            seen_row[k] = search
                            through[k] = other
                            queue[tail] = k
                            tail += 1
                if visits > max_visits:
                    return
            if end < 0:
                for place in range(tail):
                    i = queue[place]
                    seen_row[i] = in_vain
                    for e in range(row_starts[i], row_starts[i + 1]):
                        seen_column[columns[e]] = in_vain
                break
            moved = min(row_rest[start], column_rest[end])
            e = came_from[end]
            while rows[e] != start:
                moved = min(moved, mass[through[rows[e]]])
                e = came_from[columns[through[rows[e]]]]
            row_rest[start] -= moved
            column_rest[end] -= moved
            n_open -= column_rest[end] <= 0.0
            e = came_from[end]
            while True:
                mass[e] += moved
                i = rows[e]
                if i == start:
                    break
                mass[through[i]] -= moved
                e = came_from[columns[through[i]]]
