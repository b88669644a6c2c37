"""What is measured along a run, how a breakdown is noticed, and the checkpoint that holds both."""

from __future__ import annotations

import json
import math
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from .._typing import FloatArray
from ..critics import StepReport
from ..critics.activations import Array
from ..distances import wasserstein1
from ..errors import InvalidInputError
from .datasets import Dataset
from .running import Run

__all__ = ["COLUMNS", "Monitor"]

COLUMNS = (
    "step",
    "critic_loss",
    "penalty",
    "slope",
    "generator_loss",
    "w1",
    "share_good",
    "n_covered",
)
"""Of every row that `Monitor.measure` adds."""

# Generated points whose quality is judged.
_N_JUDGED = 2000

# Pairs of real samples whose median W1 is the floor.
_N_FLOOR_PAIRS = 20

# Points or critic values beyond this multiple of the data's size are no training any more; by
# taste, far above what a working run shows.
_EXPLODED = 1e4

_FORMAT = "otdiv wgan checkpoint 1"


class Monitor:
    """Measurements of one run: rows of `COLUMNS`."""

    def __init__(self, data: Dataset, n_held_out: int, log_every: int) -> None:
        self.data = data
        self.n_held_out = n_held_out
        self.log_every = log_every
        self.rows: list[list[float]] = []
        self.w1_floor = math.nan
        self.cause = ""
        self._recent: list[tuple[float, float, float, float]] = []
        self._kept: dict[str, Array] = {}
        self._held_out: FloatArray = np.empty((0, data.d))
        self._size = 1.0

    def start(self, run: Run) -> None:
        """Draw the held-out points, measure the floor and the untrained generator."""
        self._hold_out(run)
        n, rng = self.n_held_out, run.streams["evaluation"]
        pairs = [
            wasserstein1(self.data.held_out(n, rng), self.data.sample(n, rng))
            for _ in range(_N_FLOOR_PAIRS)
        ]
        self.w1_floor = float(np.median(pairs))
        self.cause = self.measure(run)

    def _hold_out(self, run: Run) -> None:
        # From a stream of its own, so that a resumed run holds out the same points.
        stream = np.random.Generator(np.random.PCG64([*run.entropy, 1]))
        self._held_out = self.data.held_out(self.n_held_out, stream)
        self._size = float(np.abs(self._held_out).max())

    def watch(self, run: Run, report: StepReport, generator_loss: float) -> str:
        """Remember what a step said; return what broke, in words, or nothing."""
        estimate = run.recipe.loss.reading(report)
        self._recent.append((estimate, report.penalty, report.mean_slope, generator_loss))
        parts = {
            "the critic's objective": estimate,
            "the penalty": report.penalty,
            "the gradient of the critic": report.gradient_norm,
            "the generator's loss": generator_loss,
        }
        broken = [name for name, value in parts.items() if not math.isfinite(value)]
        if broken:
            return f"{' and '.join(broken)} left the finite numbers at step {run.step}"
        if abs(report.raw) > _EXPLODED * self._size:
            return (
                f"the critic exploded: at step {run.step} its values differed by "
                f"{abs(report.raw):.3g} between real and generated points"
            )
        return ""

    def measure(self, run: Run) -> str:
        """Add a row and keep the state; return what broke, in words, or nothing."""
        generator = run.measured_generator()
        n = max(self.n_held_out, _N_JUDGED)
        finite = (
            np.isfinite(run.generator.parameters).all()
            and np.isfinite(generator.network.parameters).all()
        )
        if not finite:
            return f"the generator left the finite numbers by step {run.step}"
        with np.errstate(over="ignore", invalid="ignore"):
            points = generator.sample(n, rng=run.streams["evaluation"])
        if not np.abs(points).max() <= _EXPLODED * self._size:
            return f"the generator exploded by step {run.step}"
        quality = self.data.quality(points[:_N_JUDGED])
        means = np.mean(self._recent, axis=0) if self._recent else np.full(4, math.nan)
        w1 = wasserstein1(self._held_out, points[: self.n_held_out])
        self.rows.append(
            [run.step, *means.tolist(), w1, quality.share_good, float(quality.n_covered)]
        )
        self._recent = []
        self._kept = run.state_dict()
        return ""

    def restore(self, run: Run) -> None:
        """Bring a broken run back to its last measurement."""
        if self._kept:
            run.load_state_dict(self._kept)

    def _fingerprint(self, run: Run) -> dict[str, Any]:
        return {
            "format": _FORMAT,
            "data": repr(self.data) + json.dumps(self.data.describe()),
            "recipe": repr(run.recipe),
            "n_held_out": self.n_held_out,
            "log_every": self.log_every,
        }

    def save(self, path: str | os.PathLike[str], run: Run, cause: str) -> None:
        """Write a checkpoint; whenever the program is killed, one whole file is there."""
        target = Path(path)
        partial = target.with_name(target.name + ".partial")
        with partial.open("wb") as stream:
            np.savez(
                stream,
                allow_pickle=False,
                fingerprint=np.array(json.dumps(self._fingerprint(run))),
                rows=np.array(self.rows),
                w1_floor=np.array(self.w1_floor),
                cause=np.array(cause),
                **run.state_dict(),
            )
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(target)

    def load(self, path: str | os.PathLike[str], run: Run, *, seeded: bool) -> tuple[Run, Monitor]:
        """Continue from a checkpoint of the same data, recipe, seed and measurements."""
        try:
            with np.load(path, allow_pickle=False) as archive:
                state = {key: archive[key] for key in archive.files}
            found = json.loads(str(state["fingerprint"]))
            entropy = [int(word) for word in state["entropy"]]
        except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise InvalidInputError("checkpoint", "be a checkpoint of `train`", path) from error
        expected = self._fingerprint(run)
        if seeded and entropy != run.entropy:
            raise InvalidInputError("rng", "be the seed of the checkpoint", "another one")
        for key, value in expected.items():
            if found.get(key) != value:
                raise InvalidInputError(
                    "checkpoint", f"be of a run with {key} {value!r}", repr(found.get(key))
                )
        run = Run(self.data, run.recipe, entropy)
        self._hold_out(run)
        run.load_state_dict(state)
        self.rows = state["rows"].tolist()
        self.w1_floor = float(state["w1_floor"])
        self.cause = str(state["cause"])
        self._kept = run.state_dict()
        return run, self
