"""The folder that a training leaves behind: report, figures, table and generator."""

from __future__ import annotations

import csv
import math
import os
from dataclasses import fields
from pathlib import Path

import numpy as np

from .._optional import import_optional
from .._text import code_span, for_markdown
from .._typing import FloatArray
from .training import Training

__all__ = ["rank_correlation", "write_report"]

_REPORT = """\
# {title}

{verdict}

| measured at the end | value | a perfect generator |
|---|---|---|
| exact W1, {n_logged} logs, last | {w1:.4g} | {floor:.4g} (median of 20 real-real pairs) |
| lowest exact W1 of the run | {lowest:.4g} at step {lowest_step} | |
| modes covered | {covered} of {modes} | {modes} |
| share of good samples | {good:.1%} | near 100 % |
| critic's estimate, {label} | {estimate:.4g} | |
| Spearman of the estimate with W1 | {spearman} | 1 |

W1 is the exact distance between held-out real points and as many generated ones, by this library's
solver. A mode is covered when at least 2 % of 2000 generated points are good and belong to it.

![samples](samples.png)

![history](history.png)

## Settings

{settings}

Files: `history.csv`, `generator.npz` (`otdiv.wgan.Generator.load`), `checkpoint.npz`.
"""


# Fewer pairs than this reach a coefficient of .65 by chance once in twenty times.
_FEWEST_PAIRS = 10


def rank_correlation(u: FloatArray, v: FloatArray) -> float:
    """Spearman's coefficient of the pairs in which both are finite; NaN where one is constant."""
    both = np.isfinite(u) & np.isfinite(v)
    u, v = u[both], v[both]
    if len(u) < 2 or np.ptp(u) == 0.0 or np.ptp(v) == 0.0:
        return math.nan
    from scipy.stats import spearmanr

    return float(spearmanr(u, v).statistic)


def write_report(training: Training, folder: str | os.PathLike[str]) -> Path:
    """Write report.md with its figures, history.csv and generator.npz to a folder.

    Parameters
    ----------
    training : Training
    folder : path
        Made if it is not there.

    Returns
    -------
    pathlib.Path
        Of report.md.

    Raises
    ------
    MissingDependencyError
        If matplotlib is not installed.

    Examples
    --------
    >>> import tempfile, matplotlib
    >>> matplotlib.use("Agg")
    >>> from otdiv.wgan import gaussians_8, train, write_report
    >>> training = train(gaussians_8(), n_steps=2, log_every=1, n_held_out=32, rng=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_report(training, folder).name
    'report.md'
    """
    pyplot = import_optional("matplotlib.pyplot", extra="plot", purpose="the report's figures")
    from .pictures import picture_history, picture_samples

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in (
        ("samples.png", picture_samples(training)),
        ("history.png", picture_history(training)),
    ):
        figure.savefig(folder / name, dpi=120)
        pyplot.close(figure)
    training.generator.save(folder / "generator.npz")
    _write_history(training, folder / "history.csv")
    target = folder / "report.md"
    target.write_text(_text(training), encoding="utf-8")
    return target


def _write_history(training: Training, target: Path) -> None:
    history = training.history
    names = [field.name for field in fields(history)]
    with target.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(zip(*(getattr(history, name).tolist() for name in names), strict=True))


def _text(training: Training) -> str:
    history, recipe = training.history, training.recipe
    lowest = int(history.w1.argmin())
    settings = "\n".join(
        f"- {field.name}: {code_span(repr(getattr(recipe, field.name)))}"
        for field in fields(recipe)
    )
    return _REPORT.format(
        title=for_markdown(f"{type(recipe.loss).__name__} on {training.data.name}"),
        verdict=_verdict(training),
        n_logged=len(history.w1),
        w1=history.w1[-1],
        floor=training.w1_floor,
        lowest=history.w1[lowest],
        lowest_step=int(history.step[lowest]),
        covered=int(history.n_covered[-1]),
        modes=training.data.n_modes,
        good=history.share_good[-1],
        label=for_markdown(recipe.loss.label),
        estimate=history.critic_loss[-1],
        spearman=_correlation(history.critic_loss, history.w1),
        settings=settings,
    )


def _correlation(estimate: FloatArray, w1: FloatArray) -> str:
    n_pairs = int((np.isfinite(estimate) & np.isfinite(w1)).sum())
    if n_pairs < _FEWEST_PAIRS:
        return f"{n_pairs} logs are too few to tell"
    coefficient = rank_correlation(estimate, w1)
    return "undefined, one is constant" if math.isnan(coefficient) else f"{coefficient:.3f}"


def _verdict(training: Training) -> str:
    ratio = training.history.w1[-1] / training.w1_floor
    text = f"{training.n_steps} generator steps; {training.status.value}."
    if training.cause:
        text += f" Cause: {for_markdown(training.cause)}."
    return (
        f"{text} The exact W1 to held-out data is {ratio:.2f} times the floor, the distance that "
        "two samples of the data have from each other."
    )
