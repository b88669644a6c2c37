"""Lower bounds of one transport problem against many, from constraints that are left out.

Costs are given once for all distinct points: ``D[w, i]`` between point w, of any of the other
measures, and atom i. Atoms of the other measures are numbers of such points, so that documents over
one vocabulary share its rows. All terms are non-negative: a sum of k of them errs by less than k
roundings, relatively, which the caller takes off.
"""

from .._jit import kernel, read_only

__all__ = ["relaxed_costs"]


@kernel
def relaxed_costs(D, a, atoms, weights, starts, sizes, first, last, steps, column, out):
    """Fill ``out[j]`` with a lower bound of the cost to measure j, first <= j < last.

    Measure j has the points ``atoms[starts[j]:]``, ``sizes[j]`` of them, with their `weights`.
    Every atom sends its mass to its nearest partners, and leaves their total out of account. With
    ``steps`` 1 the nearest takes all. Otherwise no partner takes more from one atom than it
    weighs, for as many partners; what is left then goes for the cost of the last. The better of
    both directions counts. `column` is work space for the atoms of the largest measure.
    """
    n = a.size
    for t in range(first, last):
        start, m = starts[t], sizes[t]
        best = 0.0
        for side in range(2):
            total = 0.0
            for r in range(m if side == 0 else n):
                rest = weights[start + r] if side == 0 else a[r]
                if side == 1:
                    for s in range(m):
                        column[s] = D[atoms[start + s], r]
                row = D[atoms[start + r]] if side == 0 else read_only(column[:m])
                taken, place = -1.0, -1
                for step in range(steps):
                    # The cheapest partner behind the last one, ties in the order of the atoms.
                    least, least_place = -1.0, -1
                    for s in range(row.size):
                        cost = row[s]
                        if (least_place < 0 or cost < least) and (
                            cost > taken or (cost == taken and s > place)
                        ):
                            least, least_place = cost, s
                    if least_place < 0:
                        break
                    taken, place = least, least_place
                    moved = a[place] if side == 0 else weights[start + place]
                    if step + 1 == steps or moved > rest:
                        moved = rest
                    total += moved * taken
                    rest -= moved
                    if rest <= 0.0:
                        break
            best = max(best, total)
        out[t] = best
