"""Critics against known values: `python -m benchmarks.critics funnels|normals|steps|potential`.

Each part prints one Markdown table and writes it, with the rows behind it, to `results/`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from otdiv.critics import (
    Adam,
    Architecture,
    CriticPass,
    GradientPenalty,
    KantorovichPotential,
    LipschitzPenalty,
    ReLU,
    fit_critic,
)

from .funnels import run_funnels
from .records import save


# W1 + (1 / (2 weight)) ∫ h^2 / rho for N(0, 1) against N(mu, 1), by quadrature.
def biased_value(mu: float, weight: float) -> float:
    """Value of the exact optimum of the penalised problem, in one dimension."""
    from scipy.integrate import quad
    from scipy.stats import norm

    grid = np.linspace(-12.0, 12.0 + mu, 4001)
    # The density of eps X + (1 - eps) Y is the mean over eps of normals.
    shares, share_weights = np.polynomial.legendre.leggauss(60)
    shares, share_weights = 0.5 * (shares + 1.0), 0.5 * share_weights
    spread = np.sqrt(shares**2 + (1.0 - shares) ** 2)

    def rho(t: float) -> float:
        return float(share_weights @ norm.pdf(t, mu * shares, spread))

    def integrand(t: float) -> float:
        h = norm.cdf(t) - norm.cdf(t, loc=mu)
        return h * h / max(rho(t), 1e-300)

    return mu + quad(integrand, grid[0], grid[-1], limit=400)[0] / (2.0 * weight)


def run_normals(options: argparse.Namespace) -> tuple[list[dict[str, Any]], list[str]]:
    from scipy.stats import norm

    rows = []
    # Midpoint quantiles instead of draws: the error is the critic's, not the sample's.
    quantiles = norm.ppf((np.arange(4096) + 0.5) / 4096)
    for mu in (1.0, 2.0):
        for weight in (1.0, 10.0, 100.0):
            for kind in (GradientPenalty, LipschitzPenalty):
                for seed in range(options.seeds):
                    start = time.process_time()
                    fit = fit_critic(
                        quantiles + mu,
                        quantiles,
                        network=Architecture((128, 128)),
                        constraint=kind(weight),
                        max_iterations=4000,
                        rng=seed,
                    )
                    predicted = biased_value(mu, weight)
                    rows.append(
                        {
                            "mu": mu,
                            "weight": weight,
                            "kind": kind.__name__,
                            "seed": seed,
                            "predicted": predicted,
                            "raw": fit.raw,
                            "error": 100.0 * (fit.raw / predicted - 1.0),
                            "lower": fit.bounds.lower,
                            "cpu": time.process_time() - start,
                        }
                    )
                    print(json.dumps(rows[-1]), flush=True)
    lines = ["| mu | weight | predicted | GP error % | LP error % |", "|---|---|---|---|---|"]
    for mu in (1.0, 2.0):
        for weight in (1.0, 10.0, 100.0):
            cells = []
            for kind in ("GradientPenalty", "LipschitzPenalty"):
                some = [r for r in rows if (r["mu"], r["weight"], r["kind"]) == (mu, weight, kind)]
                cells.append(" ".join(f"{row['error']:+.1f}" for row in some))
            predicted = biased_value(mu, weight)
            lines.append(f"| {mu:g} | {weight:g} | {predicted:.4f} | {cells[0]} | {cells[1]} |")
    return rows, lines


def otdiv_step(hidden: tuple[int, ...], batch: int) -> Callable[[], object]:
    from otdiv._kernels.neural import interpolate

    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 4096, 2)).astype(np.float32)
    network = Architecture(hidden, ReLU()).build(n_inputs=2, rng=0)
    step, gradient = CriticPass(network, 2 * batch, batch), np.empty_like(network.parameters)
    optimizer = Adam(learning_rate=1e-4).start(network.parameters)
    coefficients = np.repeat(np.float32([-1.0 / batch, 1.0 / batch]), batch)
    rows, between = step.pair_input, step.penalty_input

    def take() -> float:
        np.take(x, rng.integers(4096, size=batch), axis=0, out=rows[:batch], mode="clip")
        np.take(y, rng.integers(4096, size=batch), axis=0, out=rows[batch:], mode="clip")
        interpolate(rows[:batch], rows[batch:], rng.random(batch, dtype=np.float32), between)
        values = step.forward()
        penalty, _ = step.backward(coefficients, gradient, weight=10.0)
        optimizer.step(network.parameters, gradient)
        return float(values @ coefficients) + penalty

    return take


def torch_step(hidden: tuple[int, ...], batch: int) -> Callable[[], object]:
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    x, y = torch.randn(2, 4096, 2)
    sizes, layers = (2, *hidden, 1), []
    for n_in, n_out in itertools.pairwise(sizes):
        layers += [torch.nn.Linear(n_in, n_out), torch.nn.ReLU()]
    network = torch.nn.Sequential(*layers[:-1])
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4, betas=(0.0, 0.9), foreach=True)

    def take() -> float:
        one, other = x[torch.randint(4096, (batch,))], y[torch.randint(4096, (batch,))]
        share = torch.rand(batch, 1)
        between = (share * one + (1.0 - share) * other).requires_grad_(True)
        (slopes,) = torch.autograd.grad(network(between).sum(), between, create_graph=True)
        penalty = 10.0 * ((slopes.norm(dim=1) - 1.0) ** 2).mean()
        loss = network(other).mean() - network(one).mean() + penalty
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return take


def run_steps(options: argparse.Namespace) -> tuple[list[dict[str, Any]], list[str]]:
    rows = []
    for hidden, inner in (((64, 64), 100), ((512, 512, 512), 5)):
        steps = {"otdiv": otdiv_step(hidden, 256), "torch": torch_step(hidden, 256)}
        times: dict[str, list[float]] = {name: [] for name in steps}
        for _ in range(options.repeats + 1):
            for name, step in steps.items():
                start = time.process_time()
                for _ in range(inner):
                    step()
                times[name].append(1e3 * (time.process_time() - start) / inner)
        for name, values in times.items():
            # The first round compiles and warms up.
            rows.append({"hidden": hidden, "name": name, "milliseconds": values[1:]})
    lines = [
        "| network, batch 256, GP, float32, one thread | otdiv ms | torch ms | ratio |",
        "|---|---|---|---|",
    ]
    for ours, theirs in zip(rows[::2], rows[1::2], strict=True):
        middle = [statistics.median(row["milliseconds"]) for row in (ours, theirs)]
        spread = [
            f"{m:.2f} [{min(row['milliseconds']):.2f}, {max(row['milliseconds']):.2f}]"
            for m, row in zip(middle, (ours, theirs), strict=True)
        ]
        layers = "-".join(str(width) for width in (2, *ours["hidden"], 1))
        lines.append(f"| {layers} | {spread[0]} | {spread[1]} | {middle[1] / middle[0]:.2f} |")
    return rows, lines


def run_potential(options: argparse.Namespace) -> tuple[list[dict[str, Any]], list[str]]:
    rows = []
    KantorovichPotential(np.zeros((2, 2)), np.ones((3, 2)))
    for n in (500, 1000, 2000, 4000):
        for seed in range(options.seeds):
            rng = np.random.default_rng([n, seed])
            x, y = rng.standard_normal((n, 2)), 1.2 * rng.standard_normal((n, 2)) + 0.5
            wall, cpu = time.perf_counter(), time.process_time()
            potential = KantorovichPotential(x, y)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            plan = potential.result.plan
            used = plan.mass > 1e-12
            i, j = plan.rows[used], plan.columns[used]
            length = np.linalg.norm(x[i] - y[j], axis=1)
            t = rng.uniform(0.1, 0.9, len(i))
            between = y[j] + t[:, None] * (x[i] - y[j])
            unit = (x[i] - y[j]) / length[:, None]
            rise = potential(between) - potential(y)[j] - t * length
            exact = np.zeros_like(y)
            np.add.at(exact, j, -plan.mass[used][:, None] * unit)
            found = -potential.gradient(y, extension="lower") / n
            rows.append(
                {
                    "n": n,
                    "seed": seed,
                    "wall": wall,
                    "cpu": cpu,
                    "rays": float(np.abs(rise).max()),
                    "unit_gradient": float(np.abs(potential.gradient(between) - unit).max()),
                    "theorem_3": float(np.abs(found - exact).max() * n),
                }
            )
            print(json.dumps(rows[-1]), flush=True)
    lines = [
        "| n = m, d = 2 | s wall | s CPU | (4.9) | unit gradient, .1 < t < .9 | Theorem 3 |",
        "|---|---|---|---|---|---|",
    ]
    for n in (500, 1000, 2000, 4000):
        some = [row for row in rows if row["n"] == n]
        cells = [f"{statistics.median(row[key] for row in some):.2g}" for key in ("wall", "cpu")]
        worst = ("rays", "unit_gradient", "theorem_3")
        cells += [f"{max(row[key] for row in some):.0e}" for key in worst]
        lines.append(f"| {n} | {' | '.join(cells)} |")
    return rows, lines


PARTS = {
    "funnels": run_funnels,
    "normals": run_normals,
    "steps": run_steps,
    "potential": run_potential,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.critics", description=__doc__)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--dimensions", type=int, nargs="+", default=[2, 8, 32])
    parser.add_argument("--only", default="", help="methods whose name contains this")
    parser.add_argument("--resume", action="store_true", help="keep the recorded funnel fits")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--no-write", action="store_true", help="print only")
    options = parser.parse_args()
    rows, lines = PARTS[options.part](options)
    print("\n".join(lines))
    if not options.no_write:
        save(f"critics_{options.part}", rows, lines)


if __name__ == "__main__":
    main()
