"""WGANs measured: `python -m benchmarks.wgan correlation|samples|certificates [--seeds N]`.

`correlation`: does the loss say how good the samples are? Eight Gaussians and the recipe
`otdiv.wgan.tracking`, for two WGANs and for the first GAN. A run stops when the exact W1 first
reaches twice its floor, and 50 equally spaced measurements until then give Spearman's coefficient
between the critic's loss and exact W1.

`samples`: what `otdiv wgan --data DATA --constraint gp` ends with, by its own defaults.

`certificates`: what the critics of a few hundred steps prove about fresh points, by their Lipschitz
constants, by the c-transforms of their values (`certify_critic`), and by `certify` of f and -f.

Tables and rows go to `results/`.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import numpy as np

from otdiv import DiscreteMeasure, certify, wasserstein1
from otdiv.cli.wgan import STEPS
from otdiv.critics import Critic, LipschitzPenalty, Orthonormal, WeightClipping, certify_critic
from otdiv.wgan import (
    MinimaxGAN,
    Recipe,
    gaussians_8,
    gaussians_25,
    small,
    swiss_roll,
    tracking,
    train,
)
from otdiv.wgan.reporting import rank_correlation

from .records import load, save

N_HELD_OUT = 1000
N_CHECKPOINTS = 50
LONGEST = 1500
"""Generator steps after which a run ends that has not come near; WGAN-GP takes 800 to 1300."""

RECIPES: dict[str, Recipe] = {
    "WGAN-GP, tracking": tracking(),
    "WGAN, orthonormal critic, tracking": tracking(Orthonormal()),
    "GAN, tracking": tracking(loss=MinimaxGAN()),
}


def floor() -> float:
    """Median exact W1 of 20 pairs of real samples."""
    data, rng = gaussians_8(), np.random.default_rng(0)
    return statistics.median(
        wasserstein1(data.sample(N_HELD_OUT, rng), data.sample(N_HELD_OUT, rng)) for _ in range(20)
    )


def correlation_row(name: str, seed: int, limit: float) -> dict[str, Any]:
    """Spearman's coefficient, the steps until W1 reached `limit` (or the longest), and that W1."""
    started = time.process_time()
    training = train(
        gaussians_8(),
        recipe=RECIPES[name],
        log_every=5,
        n_held_out=N_HELD_OUT,
        rng=seed,
        callback=lambda progress: progress.w1 <= limit or progress.step >= LONGEST,
    )
    history = training.history
    # The first row is the untrained generator, which no critic has met.
    chosen = np.unique(np.linspace(1, len(history.w1) - 1, N_CHECKPOINTS).round().astype(int))
    return {
        "recipe": name,
        "seed": seed,
        "spearman": rank_correlation(history.critic_loss[chosen], history.w1[chosen]),
        "checkpoints": len(chosen),
        "steps": training.n_steps,
        "w1": float(history.w1[-1]),
        "limit": limit,
        "cpu": time.process_time() - started,
    }


def run_correlation(options: argparse.Namespace) -> None:
    name = "wgan_correlation"
    rows = load(name) if options.resume else []
    done = {(row["recipe"], row["seed"]) for row in rows}
    limit = 2.0 * floor()
    for recipe in RECIPES:
        for seed in range(5 if options.seeds is None else options.seeds):
            if options.only in recipe and (recipe, seed) not in done:
                rows.append(correlation_row(recipe, seed, limit))
                save(name, rows, correlation_table(rows))
    print("\n".join(correlation_table(rows)))


def correlation_table(rows: list[dict[str, Any]]) -> list[str]:
    lines = [
        "| recipe | Spearman, each seed | median [range] | steps until twice the floor | "
        "last W1 / floor | s CPU |",
        "|---|---|---|---|---|---|",
    ]
    for name in RECIPES:
        some = [row for row in rows if row["recipe"] == name]
        some.sort(key=lambda row: row["seed"])
        if not some:
            continue
        ranks = [row["spearman"] for row in some]
        steps = (str(row["steps"]) if row["w1"] <= row["limit"] else "never" for row in some)
        nearest = (format(2.0 * row["w1"] / row["limit"], ".2f") for row in some)
        cells = [
            name,
            " ".join(format(rank, ".3f") for rank in ranks),
            f"{statistics.median(ranks):.3f} [{min(ranks):.3f}, {max(ranks):.3f}]",
            " ".join(steps),
            " ".join(nearest),
            " ".join(format(row["cpu"], ".0f") for row in some),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


DATA = {
    "8gaussians": gaussians_8(),
    "8gaussians, noise 0.1": gaussians_8(noise=0.1),
    "25gaussians": gaussians_25(),
    "swissroll": swiss_roll(),
}


def samples_row(name: str, seed: int) -> dict[str, Any]:
    """Modes, share of good samples and exact W1 at the end of a run."""
    data = DATA[name]
    cpu, wall = time.process_time(), time.perf_counter()
    training = train(data, recipe=small(), n_steps=STEPS.get(data.name), rng=seed)
    history = training.history
    return {
        "data": name,
        "seed": seed,
        "steps": training.n_steps,
        "status": training.status.name,
        "covered": int(history.n_covered[-1]),
        "modes": data.n_modes,
        "good": float(history.share_good[-1]),
        "w1": float(history.w1[-1]),
        "floor": training.w1_floor,
        "cpu": time.process_time() - cpu,
        "wall": time.perf_counter() - wall,
    }


def run_samples(options: argparse.Namespace) -> None:
    name = "wgan_samples"
    rows = load(name) if options.resume else []
    done = {(row["data"], row["seed"]) for row in rows}
    for data in DATA:
        for seed in range(1 if options.seeds is None else options.seeds):
            if options.only in data and (data, seed) not in done:
                rows.append(samples_row(data, seed))
                save(name, rows, samples_table(rows))
    print("\n".join(samples_table(rows)))


def samples_table(rows: list[dict[str, Any]]) -> list[str]:
    lines = [
        "| data | seed | steps | modes | good samples | exact W1 / floor | s CPU | s wall |",
        "|---|---|---|---|---|---|---|---|",
    ]
    order = list(DATA)
    for row in sorted(rows, key=lambda row: (order.index(row["data"]), row["seed"])):
        lines.append(
            f"| {row['data']} | {row['seed']} | {row['steps']} | {row['covered']} of "
            f"{row['modes']} | {row['good']:.1%} | {row['w1'] / row['floor']:.2f} | "
            f"{row['cpu']:.0f} | {row['wall']:.0f} |"
        )
    return [
        *lines,
        "",
        "Good: within 4 standard deviations of a centre, or of the curve. A mode counts with 2 %",
        "of 2000 samples. Floor: median exact W1 of 20 pairs of real samples of 1000. Wall: beside",
        "other work.",
    ]


# Generator steps after which critics are asked what they prove: some are near their optimum then.
CERTIFIED_STEPS = 200
CRITICS: dict[str, Recipe] = {
    "WGAN-GP, tracking": tracking(),
    "WGAN-LP, tracking": tracking(LipschitzPenalty()),
    "WGAN, orthonormal critic, tracking": tracking(Orthonormal()),
    "WGAN, clipping .01, tracking": tracking(WeightClipping(0.01)),
    "GAN, tracking": tracking(loss=MinimaxGAN()),
}


def certificates_row(name: str, seed: int) -> dict[str, Any]:
    """Bounds of W1 of fresh real and generated points x and y, from the critic f of a run."""
    data = gaussians_8()
    # Logs are not looked at.
    quiet = {"log_every": CERTIFIED_STEPS, "n_held_out": 100}
    training = train(data, recipe=CRITICS[name], n_steps=CERTIFIED_STEPS, rng=seed, **quiet)
    critic = Critic(training.critic, np.zeros(data.d), 1.0)
    rng = np.random.default_rng([seed, 1])
    x, y = data.sample(N_HELD_OUT, rng), training.generator.sample(N_HELD_OUT, rng=rng)
    f, h = critic(x), critic(y)
    started = time.process_time()
    measures = (DiscreteMeasure.from_samples(points) for points in (x, y))
    raw, lipschitz, bounds = certify_critic(critic, *measures)
    critic_cpu, started = time.process_time() - started, time.process_time()
    found = certify(x, y, potentials=(f, -h))
    return {
        "recipe": name,
        "seed": seed,
        "w1": wasserstein1(x, y),
        "raw": raw,
        "lipschitz": lipschitz,
        "lower": bounds.lower,
        "certify_critic_cpu": critic_cpu,
        "certified": found.bounds.lower,
        "excess": found.infeasibility,
        "certify_cpu": time.process_time() - started,
    }


def run_certificates(options: argparse.Namespace) -> None:
    name = "wgan_certificates"
    rows = load(name) if options.resume else []
    done = {(row["recipe"], row["seed"]) for row in rows}
    for recipe in CRITICS:
        for seed in range(1 if options.seeds is None else options.seeds):
            if options.only in recipe and (recipe, seed) not in done:
                rows.append(certificates_row(recipe, seed))
                save(name, rows, certificates_table(rows))
    print("\n".join(certificates_table(rows)))


def certificates_table(rows: list[dict[str, Any]]) -> list[str]:
    lines = [
        "| recipe | seed | exact W1 | E f(x) - E f(y) | f exceeds distances by | L | "
        "(E f(x) - E f(y)) / L | `certify` of f and -f | `certify_critic` |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        w1 = row["w1"]
        proven = (max(0.0, row["raw"] / row["lipschitz"]), row["certified"], row["lower"])
        shares = " | ".join(f"{bound:.4g} ({bound / w1:.1%})" for bound in proven)
        lines.append(
            f"| {row['recipe']} | {row['seed']} | {w1:.4g} | {row['raw']:.4g} | "
            f"{row['excess']:.2g} | {row['lipschitz']:.3g} | {shares} |"
        )
    return [
        *lines,
        "",
        f"Eight Gaussians after {CERTIFIED_STEPS} generator steps; W1 between {N_HELD_OUT} fresh",
        "real points and as many generated ones. L is the proven Lipschitz constant. The last",
        "three columns are lower bounds of W1, and their share of it: `certify(x, y,",
        "potentials=(f(x), -f(y)))` keeps one side and takes its c-transform; `certify_critic`",
        "does so with the best multiple of f too, from both sides.",
    ]


PARTS = {
    "correlation": run_correlation,
    "samples": run_samples,
    "certificates": run_certificates,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.wgan", description=__doc__)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--seeds", type=int, help="default: 5 for correlation, else 1")
    parser.add_argument("--only", default="", help="recipes or data whose name contains this")
    parser.add_argument("--resume", action="store_true", help="keep the recorded runs")
    options = parser.parse_args()
    PARTS[options.part](options)


if __name__ == "__main__":
    main()
