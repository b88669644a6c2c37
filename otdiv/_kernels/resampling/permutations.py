"""Random relabellings of pooled rows, 64 at a time, and what a walk over them sums.

Bit j of ``words[k]`` says whether row k belongs to the first sample in relabelling j: a *lane* is
one bit of all words. A walk along the pooled order then serves 64 relabellings, and its inner loop
over the lanes becomes vector instructions.

Subsets of a fixed size are drawn in two steps. All bits are drawn independently with a probability
near the wanted share; in each lane the surplus is then taken away, or filled up, at positions drawn
uniformly among those that can be. Given their number, independent bits are a uniform subset, and
uniform corrections keep it uniform, so that every subset is equally likely whatever the share.
"""

import math

import numpy as np

from .._jit import fast_kernel, helper, kernel

LANES = 64
# Binary digits to which the share of the first sample is taken: each costs a random word, and what
# it is off by is corrected bit by bit.
_SHARE_BITS = 8
_SHARES = 1 << _SHARE_BITS
# Share of the bits, one in so many, below which all of a lane are set one by one: as many draws as
# the words of `_SHARE_BITS` digits take.
_FEW = 32
_ONE = np.uint64(1)
_ZERO = np.uint64(0)
_ALL = np.uint64((1 << 64) - 1)


@helper
def _next(state):
    """A uniform word of xoshiro256++ (Blackman and Vigna 2021, doi:10.1145/3460772)."""
    a, b, c, d = state[0], state[1], state[2], state[3]
    t = a + d
    word = ((t << np.uint64(23)) | (t >> np.uint64(41))) + a
    u = b << np.uint64(17)
    c ^= a
    d ^= b
    state[1] = b ^ c
    state[0] = a ^ d
    state[2] = c ^ u
    state[3] = (d << np.uint64(45)) | (d >> np.uint64(19))
    return word


@kernel
def draw_signs(state, words):
    """Fair bits, independent of each other."""
    for i in range(words.size):
        words[i] = _next(state)


@kernel
def draw_subsets(state, allowed, starts, targets, words):
    """Uniform subsets, in every lane and every segment of the words on its own.

    Parameters
    ----------
    state : uint64 array (4,), of the generator; changed
    allowed : uint64 array (N,) or None
        Bits that may be set, as many in every lane of a segment; None allows all.
    starts : int64 array (s + 1,), where the segments begin, and N
    targets : int64 array (s,), bits to set in each segment
    words : uint64 array (N,), overwritten
    """
    counts = np.empty(LANES, np.int64)
    for s in range(targets.size):
        first, stop, target = starts[s], starts[s + 1], targets[s]
        size = stop - first
        room = size
        if allowed is not None:
            room = np.int64(0)
            for i in range(first, stop):
                room += np.int64(allowed[i] & _ONE)
        for j in range(LANES):
            counts[j] = 0
        share = 0 if room == 0 else (2 * _SHARES * target + room) // (2 * room)
        # Few bits are set, or cleared, one by one: corrections of as many would hit few of them.
        if _FEW * target <= room:
            share = 0
        elif _FEW * (room - target) <= room:
            share = _SHARES
        lowest = 0
        while share > 0 and (share >> lowest) & 1 == 0:
            lowest += 1
        for i in range(first, stop):
            word = _ALL if share == _SHARES else _ZERO
            if share < _SHARES and share > 0:
                for digit in range(lowest, _SHARE_BITS):
                    drawn = _next(state)
                    word = word | drawn if (share >> digit) & 1 else word & drawn
            if allowed is not None:
                word &= allowed[i]
            words[i] = word
            for j in range(LANES):
                counts[j] += np.int64((word >> np.uint64(j)) & _ONE)
        mask = _ONE
        while np.int64(mask) < size:
            mask <<= _ONE
        mask -= _ONE
        for j in range(LANES):
            bit = _ONE << np.uint64(j)
            surplus = counts[j] - target
            wanted = bit if surplus > 0 else _ZERO
            surplus = abs(surplus)
            while surplus > 0:
                # Positions beyond the segment, of the next power of two, are drawn again.
                place = np.int64(_next(state) & mask)
                if place >= size:
                    continue
                place += first
                if words[place] & bit != wanted:
                    continue
                if allowed is not None and allowed[place] & bit == _ZERO:
                    continue
                words[place] ^= bit
                surplus -= 1


@kernel
def draw_labels(state, masses, ends, first, last, wanted, heads, links, rows, counts, sums):
    """Uniform subsets of the rows of neighbouring segments, one a lane, as sums over segments.

    Rows are drawn one by one, and again where one is taken already. Without masses only the number
    taken in a segment matters, so that the taken ones can be said to be its first.

    Parameters
    ----------
    state : uint64 array (4,), of the generator; changed
    masses : float64 array (N,) or None
    ends : int64 array (P,), one past the last row of each segment
    first, last : the segments, `last` left out
    wanted : int64 array (64,), rows to take in each lane
    heads, links, rows : int64 arrays (P,), (max wanted,), (max wanted,), work space for masses
    counts : float64 array (P, 64), rows taken; added to, 0 before
    sums : float64 array (P, 64) or None, their masses; added to
    """
    start = ends[first - 1] if first > 0 else np.int64(0)
    size = ends[last - 1] - start
    mask = _ONE
    while np.int64(mask) < size:
        mask <<= _ONE
    mask -= _ONE
    for lane in range(LANES):
        if masses is not None:
            for segment in range(first, last):
                heads[segment] = -1
        found = np.int64(0)
        while found < wanted[lane]:
            row = np.int64(_next(state) & mask)
            if row >= size:
                continue
            row += start
            low, high = first, last - 1
            while low < high:
                middle = (low + high) >> 1
                if ends[middle] > row:
                    high = middle
                else:
                    low = middle + 1
            if masses is None:
                begin = ends[low - 1] if low > 0 else np.int64(0)
                if float(row - begin) < counts[low, lane]:
                    continue
            else:
                other = heads[low]
                while other >= 0 and rows[other] != row:
                    other = links[other]
                if other >= 0:
                    continue
                rows[found] = row
                links[found] = heads[low]
                heads[low] = found
                sums[low, lane] += masses[row]
            counts[low, lane] += 1.0
            found += 1


@fast_kernel
def walk_counts(words, up, down, gaps, ends, first, second, squares, largest):
    """Sums over the pooled positions of c, which rises by `up` at a set bit, else by `down`.

    With n of N = n + m rows in the first sample, up = m and down = -n, c is n m (F - G): a whole
    number, so that equal values of a statistic are equal to the bit.

    Parameters
    ----------
    words : uint64 array (N,), in the order of the pooled values
    up, down : float
    gaps : float64 array (N,), from each value to the next; 0 at the end
    ends : float64 array (N,), weight of a value at its last occurrence, 0 at others
    first, second : float64 arrays (64,) or None, become sum |c| gap and sum c² gap
    squares, largest : float64 arrays (64,) or None, become sum c² end and max |c| where end > 0
    """
    heights = np.zeros(LANES)
    for k in range(words.size):
        word, gap, end = words[k], gaps[k], ends[k]
        for j in range(LANES):
            heights[j] += up if (word >> np.uint64(j)) & _ONE else down
            c = heights[j]
            if first is not None:
                first[j] += abs(c) * gap
            if second is not None:
                second[j] += c * c * gap
            if squares is not None:
                squares[j] += c * c * end
            if largest is not None and end > 0.0:
                largest[j] = max(largest[j], abs(c))


@fast_kernel
def walk_masses(words, weights, gaps, ends, masses, first, second, squares, largest):
    """`walk_counts` for rows with weights: c = S_k - A W_k / W, with S_k the mass set up to k.

    W_k is the mass of all rows up to k, and A, the mass of all that are set, comes to stand in
    `masses` (64,). The distribution functions differ by F - G = c W / (A (W - A)).
    """
    sums = np.zeros(LANES)
    for j in range(LANES):
        masses[j] = 0.0
    total = 0.0
    for k in range(words.size):
        word, weight = words[k], weights[k]
        total += weight
        for j in range(LANES):
            masses[j] += np.float64((word >> np.uint64(j)) & _ONE) * weight
    reached = 0.0
    for k in range(words.size):
        word, weight, gap, end = words[k], weights[k], gaps[k], ends[k]
        reached += weight
        level = reached / total
        for j in range(LANES):
            sums[j] += np.float64((word >> np.uint64(j)) & _ONE) * weight
            c = sums[j] - level * masses[j]
            if first is not None:
                first[j] += abs(c) * gap
            if second is not None:
                second[j] += c * c * gap
            if squares is not None:
                squares[j] += c * c * end
            if largest is not None and end > 0.0:
                largest[j] = max(largest[j], abs(c))


@helper
def _power(points, i, j, norm, power):
    """|z_i - z_j|_norm ** power."""
    total = 0.0
    for k in range(points.shape[1]):
        difference = abs(points[i, k] - points[j, k])
        if norm == 2.0:
            total += difference * difference
        elif norm == 1.0:
            total += difference
        elif norm == np.inf:
            total = max(total, difference)
        else:
            total += difference**norm
    if norm == 2.0:
        if power == 2.0:
            return total
        total = math.sqrt(total)
    elif norm not in (1.0, np.inf):
        total = total ** (1.0 / norm)
    return total if power == 1.0 else total**power


@kernel
def couple_in_order(words, points, weights, norm, power, rows, columns, out):
    """Cost of the coupling that follows the order of the rows, in each lane.

    The mass between two neighbouring levels of either sample goes from one row to one other. On the
    line, with the rows sorted, this is W_p^p.

    Parameters
    ----------
    words : uint64 array (N,)
    points : float64 array (N, d)
    weights : float64 array (N,) or None
    norm, power : float
    rows, columns : int64 arrays (N,), work space
    out : float64 array (64,)
    """
    for lane in range(LANES):
        n = m = 0
        a_total = b_total = 0.0
        for k in range(words.size):
            weight = 1.0 if weights is None else weights[k]
            if (words[k] >> np.uint64(lane)) & _ONE != _ZERO:
                rows[n] = k
                n += 1
                a_total += weight
            else:
                columns[m] = k
                m += 1
                b_total += weight
        total = 0.0
        if weights is None and n == m:
            for i in range(n):
                total += _power(points, rows[i], columns[i], norm, power)
            out[lane] = total / n
            continue
        # Masses a_i b_total and b_j a_total, which for counts are whole numbers.
        i = j = 0
        left = b_total * (1.0 if weights is None else weights[rows[0]])
        right = a_total * (1.0 if weights is None else weights[columns[0]])
        while True:
            moved = min(left, right)
            total += moved * _power(points, rows[i], columns[j], norm, power)
            left -= moved
            right -= moved
            if left <= 0.0:
                i += 1
                if i == n:
                    break
                left = b_total * (1.0 if weights is None else weights[rows[i]])
            if right <= 0.0:
                j += 1
                if j == m:
                    break
                right = a_total * (1.0 if weights is None else weights[columns[j]])
        out[lane] = total / (a_total * b_total)


@kernel
def couple_last(words, points, weights, norm, power, waiting, masses, out):
    """Cost of a plan that couples each row with the last one of the other sample before it.

    What finds none waits on a stack, so that mass mostly goes to near places of the order, and only
    what is over in a stretch leaves it: for rows in the order of a tree over space a plan not far
    from the best one.

    Parameters
    ----------
    words, points, weights, norm, power
        As in `couple_in_order`.
    waiting, masses : int64 and float64 arrays (N,), work space
    out : float64 array (64,)
    """
    for lane in range(LANES):
        a_total = b_total = 0.0
        for k in range(words.size):
            weight = 1.0 if weights is None else weights[k]
            if (words[k] >> np.uint64(lane)) & _ONE != _ZERO:
                a_total += weight
            else:
                b_total += weight
        # Rows of the first sample weigh a_i b_total, those of the second b_j a_total.
        total = 0.0
        depth = 0
        side = _ZERO
        for k in range(words.size):
            bit = (words[k] >> np.uint64(lane)) & _ONE
            left = 1.0 if weights is None else weights[k]
            left *= b_total if bit != _ZERO else a_total
            while left > 0.0 and depth > 0 and side != bit:
                top = depth - 1
                moved = min(left, masses[top])
                total += moved * _power(points, k, waiting[top], norm, power)
                left -= moved
                masses[top] -= moved
                if masses[top] <= 0.0:
                    depth = top
            if left > 0.0:
                side = bit
                waiting[depth] = k
                masses[depth] = left
                depth += 1
        out[lane] = total / (a_total * b_total)
