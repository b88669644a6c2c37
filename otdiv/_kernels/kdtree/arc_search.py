"""`search` for arcs of the unit sphere: bounds from angles, the same walk.

A node's points lie within an angle w of a direction n, that of the centre q of its box. Two bounds
hold of the arcs f between points of two nodes whose directions are an angle t apart; w of a single
point is 0.

* Constant: f >= t - w - w'.
* Tangent: let both ends leave the directions at once along great circles, of lengths a <= w and
  b <= w'. By the second variation of length f'' = ((a² + b²) cos f - 2 a b) / sin f at most, with
  the parts of a and b across the arc, which is at least -(a² + b²) tan(f / 2), and for a = 0 at
  least min(b² cot f, 0); where the ends meet f has an upward corner. So f is at least
  t + f'(0) - (w² + w'²) tan((t + w + w') / 2) / 2, and f'(0) is the part of both movements along
  the arc. The point y at an angle b has the part sin(b) of its tangent, and b - sin(b) <= b³ / 6:
  f'(0) is u . y of a unit vector u across n, and the same for x, but for so much. A power p >= 1
  is convex: f**p >= t**p + p t**(p - 1) (f - t).

With g(y) <= s . (y - q) + top, where s has a part s' across n and one along it, the tangent bound
of a reduced cost loses |u - s'| sin(w) and what the part along makes of a range that is about w²
wide. A box as wide as that in all of its axes would lose w.

Rounding: near, far and t are off by 20 u = 20 * 2**-53 absolutely, and u . s by some u / sin(t) of
|s|, which is added to the square of |u - s'|. `SLACK` covers the rest, as in `lower_bounds`.
"""

import math

import numpy as np

from .._jit import helper, kernel
from ..shaped import half_arc

# Leaves that are looked at in the order of their bounds, before all others; by taste.
_FRONT = 12
# Angle beyond which a node has no direction, in radians; by taste.
_WIDEST = 1.0
# Sines of t below which there is no tangent, and of t + w near a half turn.
_LEAST_SINE, _LEAST_TURN = 1e-9, 0.05
# More than the rounding of t and w, in radians.
_ANGLE_ERROR = 1e-14
# More than the rounding of u . s / |s|, times the sine of t.
_TILT_ERROR = 4e-15


@kernel
def fit_caps(points, boxes, first, depth, caps):
    """Fill in caps (8, nodes) for the nodes of levels first, ..., depth of a tree of unit vectors.

    Rows are the direction n (3), sin(w), the least and the largest n . (y - q), w, and tan(w / 2);
    w is 4 where a node is too wide. All but n have room for rounding.
    """
    n = points.shape[1]
    for h in range(first, depth + 1):
        for node in range(1 << h, 2 << h):
            u, v, w = boxes[0, node], boxes[1, node], boxes[2, node]
            size = math.sqrt(u * u + v * v + w * w)
            caps[6, node] = 4.0
            if size < 0.5:
                continue
            scale = 1.0 / size
            chord, least, largest = 0.0, np.inf, -np.inf
            q = node - (1 << h)
            for t in range((q * n) >> h, ((q + 1) * n) >> h):
                p, r, s = points[0, t], points[1, t], points[2, t]
                along = ((p - u) * u + (r - v) * v + (s - w) * w) * scale
                p, r, s = p - u * scale, r - v * scale, s - w * scale
                chord = max(chord, p * p + r * r + s * s)
                least = min(least, along)
                largest = max(largest, along)
            if chord > 0.9:
                continue
            angle = 2.0 * half_arc(0.25 * chord) + 1e-14
            caps[0, node], caps[1, node], caps[2, node] = u * scale, v * scale, w * scale
            caps[3, node] = math.sin(angle) + 1e-15
            caps[4, node] = least - 1e-15
            caps[5, node] = largest + 1e-15
            caps[6, node] = angle
            caps[7, node] = math.tan(0.5 * angle) + 1e-15


@helper
def _raised(length, power):
    if power == 1.0:
        return length
    if power == 2.0:
        return length * length
    return length**power


@kernel
def arc_search(
    first, last, points_x, caps_x, fields_x, limits, points, caps, fields, depth, values,
    power, cap, columns, found, counts, packed, listed, near,
):  # fmt: skip
    """The K smallest reduced costs below T_i for rows in leaves [first, last) of the tree of x.

    Parameters are those of `search`, and

    caps_x, caps : (8, nodes), of `fit_caps`
    fields_x, fields : (6, nodes)
        The part s' of a slope across the direction (3), its square, the largest value, and the
        height of the plane at the centre, with what the part of the slope along the direction adds.
    power, cap : costs are min(arc ** power, cap)
    packed : (16, leaves), near : (points in a leaf + 2,)
    """
    n, m = points_x.shape[1], points.shape[1]
    leaves, leaves_x = listed.size // 2, caps_x.shape[1] // 2
    size = columns.shape[1]
    concave = power < 1.0
    bounding = 1.0 - 1e-13 * (power + 2.0)
    lower = packed[12]
    for p in range(leaves_x + first, leaves_x + last):
        n_listed = 0
        pointer = listed.size - 1
        listed[pointer] = 1
        px, py, pz = caps_x[0, p], caps_x[1, p], caps_x[2, p]
        w_x, half_x = caps_x[6, p], caps_x[7, p]
        while pointer < listed.size:
            node = listed[pointer]
            pointer += 1
            above = fields[4, node] + fields_x[4, p]
            w = caps[6, node]
            bound = -above
            if w < _WIDEST and w_x < _WIDEST:
                qx, qy, qz = caps[0, node], caps[1, node], caps[2, node]
                u, v, z = px - qx, py - qy, pz - qz
                q = u * u + v * v + z * z
                u, v, z = px + qx, py + qy, pz + qz
                other = u * u + v * v + z * z
                arc = 2.0 * half_arc(0.25 * min(q, other))
                arc = arc if q <= other else math.pi - arc
                least = max(arc - w - w_x - _ANGLE_ERROR, 0.0)
                bound = min(_raised(least, power) * bounding, cap) - above
                sine = 0.5 * math.sqrt(q * other)
                if not concave and bound < 0.0 and sine > _LEAST_SINE:
                    half = math.sqrt(q / other)
                    both = (half_x + caps[7, node]) / (1.0 - half_x * caps[7, node])
                    room = 1.0 - half * both
                    if room > _LEAST_TURN:
                        lost = 0.5 * (w * w + w_x * w_x) * (half + both) / room
                        lost += (w * w * w + w_x * w_x * w_x) * (1.0 / 6.0)
                        cost = _raised(arc, power)
                        slope = 1.0 if power == 1.0 else power * cost / arc
                        tangent = cost * bounding - slope * lost
                        tangent -= fields[5, node] + fields_x[5, p]
                        error = 1.0 + _TILT_ERROR / sine
                        share = 2.0 * slope / sine
                        square = slope * slope + fields[3, node]
                        cross = fields[0, node] * px + fields[1, node] * py + fields[2, node] * pz
                        cross = square * error + share * cross + (error - 1.0) * square
                        tangent -= math.sqrt(max(cross, 0.0)) * caps[3, node]
                        square = slope * slope + fields_x[3, p]
                        cross = fields_x[0, p] * qx + fields_x[1, p] * qy + fields_x[2, p] * qz
                        cross = square * error + share * cross + (error - 1.0) * square
                        tangent -= math.sqrt(max(cross, 0.0)) * caps_x[3, p]
                        bound = max(bound, min(tangent, cap - above))
            if bound >= 0.0:
                continue
            if node < leaves:
                pointer -= 2
                listed[pointer] = 2 * node + 1
                listed[pointer + 1] = 2 * node
            else:
                listed[n_listed] = node
                lower[n_listed] = bound
                n_listed += 1
        for t in range(min(_FRONT, n_listed)):
            best = t
            for e in range(t + 1, n_listed):
                if lower[e] < lower[best]:
                    best = e
            listed[t], listed[best] = listed[best], listed[t]
            lower[best] = lower[t]
        for t in range(n_listed):
            node = listed[t]
            listed[t] = node - leaves
            for k in range(3):
                packed[k, t] = caps[k, node]
                packed[3 + k, t] = fields[k, node]
                packed[6 + k, t] = fields[3 + k, node]
            packed[9, t] = caps[3, node]
            packed[10, t] = caps[6, node]
            packed[11, t] = 2.0 * caps[7, node] / (1.0 - caps[7, node] * caps[7, node])
        for i in range((p - leaves_x) * n // leaves_x, (p - leaves_x + 1) * n // leaves_x):
            xx, xy, xz = points_x[0, i], points_x[1, i], points_x[2, i]
            threshold = limits[i]
            # Loops without a power or another branch become vector instructions.
            arcs, costs, slopes, floors = packed[12], packed[13], packed[14], packed[15]
            for t in range(n_listed):
                u, v, z = xx - packed[0, t], xy - packed[1, t], xz - packed[2, t]
                q = u * u + v * v + z * z
                u, v, z = xx + packed[0, t], xy + packed[1, t], xz + packed[2, t]
                other = u * u + v * v + z * z
                arc = 2.0 * half_arc(0.25 * min(q, other))
                arc = arc if q <= other else math.pi - arc
                arcs[t] = arc
                costs[t] = arc
                slopes[t] = 1.0
                floors[t] = max(arc - packed[10, t] - _ANGLE_ERROR, 0.0)
            if power != 1.0:
                for t in range(n_listed):
                    costs[t] = _raised(arcs[t], power)
                    slopes[t] = power * costs[t] / arcs[t] if arcs[t] > 0.0 else 0.0
                    floors[t] = _raised(floors[t], power)
            for t in range(n_listed):
                u, v, z = xx - packed[0, t], xy - packed[1, t], xz - packed[2, t]
                q = u * u + v * v + z * z
                u, v, z = xx + packed[0, t], xy + packed[1, t], xz + packed[2, t]
                other = u * u + v * v + z * z
                sine, cosine = 0.5 * math.sqrt(q * other), 0.25 * (other - q)
                w, tan, slope = packed[10, t], packed[11, t], slopes[t]
                # cot(t + w) = (cosine - sine tan) / turn
                turned, turn = cosine - sine * tan, sine + cosine * tan
                lost = w * w * w * (1.0 / 6.0) - 0.5 * w * w * min(turned, 0.0) / turn
                cross = packed[3, t] * xx + packed[4, t] * xy + packed[5, t] * xz
                square = slope * slope + packed[6, t]
                error = 2.0 * _TILT_ERROR * square
                tilt = math.sqrt(max(square + (2.0 * slope * cross + error) / sine + error, 0.0))
                tangent = costs[t] * bounding - slope * lost - packed[8, t] - tilt * packed[9, t]
                bent = turned < 0.0 and turn < _LEAST_TURN
                curved = bent or sine < _LEAST_SINE or w > _WIDEST or concave
                above = packed[7, t]
                tangent = -np.inf if curved else min(tangent, cap - above)
                arcs[t] = max(min(floors[t] * bounding, cap) - above, tangent)
            count = 0
            best_values, best_columns = found[i], columns[i]
            for e in range(n_listed):
                if arcs[e] >= threshold:
                    continue
                start, stop = (listed[e] * m) >> depth, ((listed[e] + 1) * m) >> depth
                out, held = near[: stop - start], values[start:stop]
                hits = 0
                ys, zs, ws = points[0, start:stop], points[1, start:stop], points[2, start:stop]
                for t in range(out.size):
                    u, v, z = xx - ys[t], xy - zs[t], xz - ws[t]
                    q = u * u + v * v + z * z
                    u, v, z = xx + ys[t], xy + zs[t], xz + ws[t]
                    other = u * u + v * v + z * z
                    arc = 2.0 * half_arc(0.25 * min(q, other))
                    out[t] = arc if q <= other else math.pi - arc
                if power != 1.0:
                    for t in range(out.size):
                        out[t] = _raised(out[t], power)
                for t in range(out.size):
                    out[t] = min(out[t], cap) - held[t]
                    hits += out[t] < threshold
                if hits == 0:
                    continue
                for t in range(out.size):
                    value = out[t]
                    if value < threshold:
                        # Insert into an ascending list of at most K.
                        at = min(count, size - 1)
                        while at > 0 and best_values[at - 1] > value:
                            best_values[at] = best_values[at - 1]
                            best_columns[at] = best_columns[at - 1]
                            at -= 1
                        best_values[at] = value
                        best_columns[at] = start + t
                        count = min(count + 1, size)
                        if count == size:
                            threshold = best_values[size - 1]
            counts[i] = count
