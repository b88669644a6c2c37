"""Many small problems in one call: costs, solution and proof of each, in work space that is reused.

A problem is a row of `table`; its atoms are rows of common arrays, so that samples may be of any
sizes and a cloud may take part in many problems. Costs of points are made where they are used: for
a hundred atoms they stay in the cache. What `prove_dense` leaves open, or leaves more than `rtol`
of the value apart, is marked for the solver of single problems.
"""

import numpy as np

from .._jit import kernel, read_only
from ..costs import euclidean_rows, point_cost
from ..proofs.dense_proof import PROVEN, prove_dense
from .dense_small import LARGEST, PIVOTS, assign_plain, pivot_plain
from .first_basis import integer_masses_of

__all__ = ["COLUMNS", "UNDONE", "solve_many", "work_space"]

COLUMNS = (
    *("x_start", "y_start", "n", "m", "a_start", "b_start"),
    *("plan_start", "f_start", "g_start", "inside"),
)
"""Columns of `table`. Costs of a matrix begin at x_start, outputs that begin at -1 are dropped, and
problems that are not `inside` (0) are left alone."""

UNDONE = -1
"""Number of entries of a plan that was not found or not proven."""


@kernel
def solve_many(
    costs, X, Y, norm, power, k, weights, masses, table, first, last, rtol,
    values, counts, plan_rows, plan_columns, plan_mass, f_all, g_all,
    buffer, floats, wholes, links,
):  # fmt: skip
    """Solve the problems first ... last - 1: rows of `values` (B, 3), value and bounds; `counts`.

    `counts` (B, 2) are the entries of each plan, and the solver's steps; it comes filled with
    UNDONE. With power 0
    the costs are those given, otherwise powers of the norm of differences of points, of relative
    rounding k. `plan_rows` and `plan_mass` may be empty where plans are one-to-one: column of each
    row. `links` None leaves out the simplex, for equal counts with uniform weights.
    """
    d = X.shape[1]
    for t in range(first, last):
        if table[t, 9] == 0:
            continue
        x_start, y_start, n, m = table[t, 0], table[t, 1], table[t, 2], table[t, 3]
        a_start, b_start = table[t, 4], table[t, 5]
        mass, nodes = masses[t], n + m + 1
        a, b = weights[a_start : a_start + n], weights[b_start : b_start + m]
        made = buffer[: n * m].reshape(n, m)
        if power == 0.0:
            for e in range(n * m):
                buffer[e] = costs[x_start + e]
        else:
            x, y = X[x_start : x_start + n], Y[y_start : y_start + m]
            flawed = wholes[:n]
            if norm == 2.0 and (power == 1.0 or power == 2.0):
                coordinates = floats[: d * m].reshape(d, m)
                for j in range(m):
                    for axis in range(d):
                        coordinates[axis, j] = y[j, axis]
                euclidean_rows(x, coordinates, power, made, flawed)
            else:
                for i in range(n):
                    flawed[i] = 1
            ordinary = True
            for i in range(n):
                if flawed[i] != 0:
                    for j in range(m):
                        made[i, j] = point_cost(x, i, y, j, norm, power)
                        # Neither infinity nor, of infinite differences, NaN.
                        ordinary = ordinary and made[i, j] < LARGEST
            if not ordinary:
                continue
        C = read_only(made)
        rows, columns = wholes[:nodes], wholes[nodes : 2 * nodes]
        whole_work = wholes[2 * nodes : 7 * nodes]
        entries, numbers = floats[:nodes], floats[nodes : 3 * nodes]
        f, g = floats[3 * nodes : 3 * nodes + n], floats[4 * nodes : 4 * nodes + m]
        f_out, g_out = floats[5 * nodes : 5 * nodes + n], floats[6 * nodes : 6 * nodes + m]
        row_work = floats[7 * nodes : 7 * nodes + 2 * n].reshape(2, n)
        column_work = floats[9 * nodes : 9 * nodes + 2 * m].reshape(2, m)
        count, steps = np.int64(PIVOTS), np.int64(0)
        if n == m:
            count, steps = assign_plain(
                C, a, b, mass, rows, columns, entries, f, g,
                whole_work[: 5 * n].reshape(5, n), numbers[: 2 * n].reshape(2, n),
            )  # fmt: skip
        if links is not None:
            positive = True
            for i in range(n):
                positive = positive and a[i] > 0.0
            for j in range(m):
                positive = positive and b[j] > 0.0
            if count == PIVOTS and positive:
                a_whole, b_whole, unit, exponent, a_rest, b_rest = integer_masses_of(a, b, mass)
                rest = np.zeros(nodes if a_rest.size > 0 else 0)
                if a_rest.size > 0:
                    for i in range(n):
                        rest[i] = a_rest[i]
                    for j in range(m):
                        rest[n + j] = -b_rest[j]
                count, steps = pivot_plain(
                    C, a_whole, b_whole, unit, exponent, rest, rows, columns, entries, f, g,
                    links[: 5 * nodes].reshape(5, nodes), whole_work[:nodes],
                    numbers.reshape(2, nodes),
                )  # fmt: skip
        counts[t, 1] = steps
        if count < 0:
            continue
        code, value, lower, upper, _, magnitude = prove_dense(
            C, a, b, mass, k, read_only(rows[:count]), read_only(columns[:count]),
            read_only(entries[:count]), read_only(f), read_only(g), 0.0,
            f_out, g_out, row_work, column_work,
        )  # fmt: skip
        if code != PROVEN or not upper - lower <= rtol * max(abs(upper), magnitude):
            continue
        values[t, 0], values[t, 1], values[t, 2] = value, lower, upper
        counts[t, 0] = count
        start = table[t, 6]
        if start >= 0:
            if plan_rows.size == 0:
                for e in range(count):
                    plan_columns[start + rows[e]] = columns[e]
            else:
                for e in range(count):
                    plan_rows[start + e] = rows[e]
                    plan_columns[start + e] = columns[e]
                    plan_mass[start + e] = entries[e]
        if table[t, 7] >= 0:
            for i in range(n):
                f_all[table[t, 7] + i] = f_out[i]
            for j in range(m):
                g_all[table[t, 8] + j] = g_out[j]


def work_space(n: int, m: int, d: int, *, pivots: bool) -> tuple[np.ndarray | None, ...]:
    """Work space for problems of up to n and m points in d dimensions: the last four arguments."""
    nodes = n + m + 1
    links = np.empty(5 * nodes, np.uint32) if pivots else None
    floats = np.empty(max(11 * nodes, d * m))
    return np.empty(n * m), floats, np.empty(7 * nodes, np.int64), links
