"""Does the loss say how good the samples are? `python -m benchmarks.wgan [--seeds N]`.

Eight Gaussians and the recipe `otdiv.wgan.tracking`, for WGAN-GP and for the first GAN. A run stops
when the exact W1 first reaches twice its floor, and 50 equally spaced measurements until then give
Spearman's coefficient between the critic's loss and exact W1. Table and rows go to `results/`.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import numpy as np

from otdiv import wasserstein1
from otdiv.wgan import MinimaxGAN, Recipe, gaussians_8, small, tracking, train
from otdiv.wgan.reporting import rank_correlation

from .critics import load, save

N_HELD_OUT = 1000
N_CHECKPOINTS = 50
LONGEST = 3000
"""Generator steps after which a run that has not come near the data ends."""

RECIPES: dict[str, Recipe] = {
    "WGAN-GP, tracking": tracking(),
    "GAN, tracking": tracking(loss=MinimaxGAN()),
    "WGAN-GP, small": small(),
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


def table(rows: list[dict[str, Any]]) -> list[str]:
    lines = [
        "| recipe | Spearman, each seed | median | steps until twice the floor | last W1 / floor | "
        "s CPU |",
        "|---|---|---|---|---|---|",
    ]
    for name in RECIPES:
        some = [row for row in rows if row["recipe"] == name]
        if not some:
            continue
        ranks = [row["spearman"] for row in some]
        steps = (str(row["steps"]) if row["w1"] <= row["limit"] else "never" for row in some)
        nearest = (format(2.0 * row["w1"] / row["limit"], ".2f") for row in some)
        cells = [
            name,
            " ".join(format(rank, ".3f") for rank in ranks),
            format(statistics.median(ranks), ".3f"),
            " ".join(steps),
            " ".join(nearest),
            " ".join(format(row["cpu"], ".0f") for row in some),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.wgan", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", default="", help="recipes whose name contains this")
    parser.add_argument("--resume", action="store_true", help="keep the recorded runs")
    options = parser.parse_args()
    rows = load("wgan_correlation") if options.resume else []
    done = {(row["recipe"], row["seed"]) for row in rows}
    limit = 2.0 * floor()
    for name in RECIPES:
        for seed in range(options.seeds):
            if options.only in name and (name, seed) not in done:
                rows.append(correlation_row(name, seed, limit))
                save("wgan_correlation", rows, table(rows))
    print("\n".join(table(rows)))


if __name__ == "__main__":
    main()
