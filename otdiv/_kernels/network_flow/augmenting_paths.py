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
