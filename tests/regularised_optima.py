"""Optima of small regularised problems, by Sinkhorn's iteration with fifty digits."""

import mpmath

__all__ = ["regularised_optimum"]

# Digits, and the L1 error of the rows at which the iteration ends.
_DIGITS, _ERROR = 50, mpmath.mpf(10) ** -32


def regularised_optimum(a, b, costs, epsilon):
    """min <C, P> + epsilon KL(P | a⊗b / m) for rational weights of one mass m; to some 30 digits.

    Costs of None are forbidden. The largest cost over epsilon should be small: the iteration gains
    a fixed share of a digit.
    """
    with mpmath.workdps(_DIGITS):
        a, b = ([mpmath.mpf(w.numerator) / w.denominator for w in side] for side in (a, b))
        mass, epsilon = sum(a), mpmath.mpf(epsilon)
        rows, columns = range(len(a)), range(len(b))
        K = [
            [
                0 if costs[i][j] is None else mpmath.exp(-mpmath.mpf(costs[i][j]) / epsilon)
                for j in columns
            ]
            for i in rows
        ]
        v = [mpmath.mpf(1)] * len(b)
        for _ in range(5000):
            u = [1 / sum(K[i][j] * b[j] * v[j] for j in columns) * mass for i in rows]
            v = [1 / sum(K[i][j] * a[i] * u[i] for i in rows) * mass for j in columns]
            sums = [sum(K[i][j] * b[j] * v[j] for j in columns) * u[i] / mass for i in rows]
            if sum(a[i] * abs(sums[i] - 1) for i in rows) < _ERROR * mass:
                break
        else:
            raise AssertionError("no convergence")
        value = sum(a[i] * mpmath.log(u[i]) for i in rows)
        value += sum(b[j] * mpmath.log(v[j]) for j in columns)
        return epsilon * value
