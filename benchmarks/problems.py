"""The instances: each a name, the suite it belongs to, its sizes, and how a seed makes its data."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Problem:
    """One family of instances; `make(rng, n)` returns the data that contenders receive."""

    name: str
    suite: str
    sizes: tuple[int, ...]
    quick: tuple[int, ...]
    make: Callable[[np.random.Generator, int], dict[str, Any]]
    limits: dict[str, int] = field(default_factory=dict)
    """Largest size that a named contender is asked, where more would take minutes."""


def _line(weighted: bool) -> Callable[[np.random.Generator, int], dict[str, Any]]:
    def make(rng: np.random.Generator, n: int) -> dict[str, Any]:
        data = {"x": rng.normal(size=n), "y": rng.normal(0.2, 1.1, size=n)}
        if weighted:
            data |= {"x_weights": rng.random(n) + 0.05, "y_weights": rng.random(n) + 0.05}
        return data

    return make


def _heavy(rng: np.random.Generator, n: int) -> dict[str, Any]:
    return {"x": rng.standard_cauchy(n), "y": rng.standard_cauchy(n) * 1.5}


def _rows(dtype: Any) -> Callable[[np.random.Generator, int], dict[str, Any]]:
    def make(rng: np.random.Generator, n: int) -> dict[str, Any]:
        p, q = rng.dirichlet(np.ones(100), size=(2, n)).astype(dtype)
        return {"p": p, "q": q}

    return make


LINE_SIZES = (100, 10_000, 100_000, 1_000_000, 10_000_000)
PROBLEMS = [
    Problem("normal", "line", LINE_SIZES, (100, 100_000), _line(weighted=False)),
    Problem("normal, weighted", "line", LINE_SIZES[:-1], (100, 100_000), _line(weighted=True)),
    Problem("Cauchy", "line", LINE_SIZES[:-1], (100_000,), _heavy),
    Problem("Dirichlet rows of 100", "divergences", (100, 10_000), (100,), _rows(np.float64)),
    Problem("Dirichlet rows of 100, float32", "divergences", (10_000,), (100,), _rows(np.float32)),
]


def clouds(
    family: str, d: int, weights: str, cost: str
) -> Callable[[np.random.Generator, int], dict[str, Any]]:
    """Point clouds of the suites `exact` and `entropic`: coordinates, weights, name of the cost."""

    def make(rng: np.random.Generator, n: int) -> dict[str, Any]:
        if family == "uniform against normal":
            x, y = rng.random((n, d)), rng.normal(0.5, 0.25, (n, d)) + 0.1
        elif family == "uniform":
            x, y = rng.random((n, d)), rng.random((n, d))
        elif family == "clustered":
            centres = rng.random((2, 20, d))
            x = centres[0][rng.integers(20, size=n)] + 0.01 * rng.normal(size=(n, d))
            y = centres[1][rng.integers(20, size=n)] + 0.01 * rng.normal(size=(n, d))
        elif family == "heavy-tailed":
            x, y = rng.standard_t(2.0, (n, d)), rng.standard_t(2.0, (n, d)) + 0.3
        elif family == "translated copy":
            x = rng.random((n, d))
            y = x + 0.05
        elif family.startswith("normals shifted by "):
            x, y = rng.normal(size=(n, d)), rng.normal(size=(n, d))
            y[:, 0] += float(family.split()[-1])
        elif family == "thin strips":
            x, y = (rng.random((n, d)) * ([1.0] + [1e-3] * (d - 1)) for _ in range(2))
        elif family == "grid ties":
            side = int(np.ceil(n ** (1.0 / d)))
            x, y = (rng.integers(side, size=(n, d)) / side for _ in range(2))
        else:
            raise ValueError(family)
        data = {"x": x, "y": y, "cost": cost}
        if weights == "random":
            data["a"], data["b"] = (w / w.sum() for w in rng.random((2, n)) + 0.05)
        else:
            data["a"] = data["b"] = np.full(n, 1.0 / n)
        return data

    return make


PEERS_LIMITS = {"scipy LSA": 4000, "scipy wasserstein_distance_nd": 200, "wnet": 500}
EXACT_SIZES = (50, 100, 200, 500, 1000, 2000, 4000, 8000)
for d in (2, 3, 10, 50):
    for weights in ("uniform", "random"):
        for cost in ("euclidean", "sqeuclidean"):
            PROBLEMS.append(
                Problem(
                    f"uniform against normal, d={d}, {weights} weights, {cost}",
                    "exact",
                    EXACT_SIZES if d in (2, 10) else EXACT_SIZES[4:7],
                    (100, 500),
                    clouds("uniform against normal", d, weights, cost),
                    limits=PEERS_LIMITS,
                )
            )
for family in ("uniform", "clustered", "heavy-tailed", "translated copy", "grid ties"):
    for cost in ("euclidean", "sqeuclidean"):
        PROBLEMS.append(
            Problem(
                f"{family}, d=2, uniform weights, {cost}",
                "exact",
                (1000, 2000, 4000, 8000),
                (500,),
                clouds(family, 2, "uniform", cost),
                limits=PEERS_LIMITS,
            )
        )

for family, d, weights in (
    *((f"normals shifted by {shift}", 2, "uniform") for shift in (0.1, 1, 8, 100)),
    ("normals shifted by 1", 2, "random"),
    ("normals shifted by 8", 2, "random"),
    *(("normals shifted by 1", d, "uniform") for d in (5, 10, 30)),
    ("thin strips", 2, "uniform"),
):
    PROBLEMS.append(
        Problem(
            f"{family}, d={d}, {weights} weights, euclidean",
            "exact",
            (1000, 2000, 4000, 8000),
            (500,),
            clouds(family, d, weights, "euclidean"),
            limits=PEERS_LIMITS,
        )
    )


def _gaussian_field(rng: np.random.Generator, side: int, roughness: float) -> np.ndarray:
    """Periodic Gaussian random field (side, side) of mean 0 and deviation 1.

    The amplitude of frequency k falls as |k|**-roughness.
    """
    frequencies = np.fft.fftfreq(side, 1.0 / side)
    sizes = np.hypot(frequencies[:, None], frequencies)
    sizes[0, 0] = 1.0
    amplitudes = rng.normal(size=(side, side)) + 1j * rng.normal(size=(side, side))
    amplitudes *= sizes**-roughness
    field = np.fft.ifft2(amplitudes).real
    return np.asarray((field - field.mean()) / field.std())


def _spots(rng: np.random.Generator, grid: np.ndarray) -> np.ndarray:
    """Bright spots on a dark ground, most pixels empty, as under a fluorescence microscope."""
    image = np.zeros(len(grid))
    for centre, width in zip(rng.random((30, 2)), 0.01 + 0.03 * rng.random(30), strict=True):
        image += rng.random() * np.exp(-((grid - centre) ** 2).sum(1) / (2.0 * width**2))
    return np.where(image > 0.02 * image.max(), image, 0.0)


# By which power of the frequency amplitudes fall in the classes of random fields; by taste.
ROUGHNESS = {"rough": 1.0, "moderate": 2.0, "smooth": 3.0, "log": 2.0}


def _drawn_image(rng: np.random.Generator, grid: np.ndarray, name: str) -> np.ndarray:
    """Image (side²,) of a class that is drawn; all but the photographs and digits are."""
    side = math.isqrt(len(grid))
    if name == "white noise":
        return rng.random(len(grid))
    if name.endswith("random field"):
        kind = name.split()[0]
        field = _gaussian_field(rng, side, ROUGHNESS[kind]).ravel()
        return np.asarray(np.exp(field) if kind == "log" else field - field.min())
    if name == "spots":
        return _spots(rng, grid)
    centre = rng.random(2)
    if name == "Cauchy density":
        return np.asarray(1.0 / (0.01 + ((grid - centre) ** 2).sum(1)) ** 1.5)
    if name == "shapes":
        radius = 0.15 + 0.2 * rng.random()
        return (((grid - (0.3 + 0.4 * centre)) ** 2).sum(1) < radius**2) + 0.0
    raise ValueError(name)


def images(
    name: str, cost: str = "sqeuclidean"
) -> Callable[[np.random.Generator, int], dict[str, Any]]:
    """Pairs of n-pixel images as weights on a grid, in the manner of DOTmark (arXiv:1610.03368)."""

    def make(rng: np.random.Generator, n: int) -> dict[str, Any]:
        side = round(n**0.5)
        axis = (np.arange(side) + 0.5) / side
        grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
        if name == "photographs":
            from sklearn.datasets import load_sample_images

            photos = load_sample_images().images
            a, b = (
                photo.mean(axis=2)[: photo.shape[0] // side * side, : photo.shape[1] // side * side]
                .reshape(side, photo.shape[0] // side, side, -1)
                .mean(axis=(1, 3))
                .ravel()
                for photo in photos
            )
        elif name == "digits":
            from sklearn.datasets import load_digits

            digits = load_digits().images[rng.choice(1797, 2, replace=False)]
            repeat = -(-side // 8)
            a, b = (
                np.kron(digit, np.ones((repeat, repeat)))[:side, :side].ravel() for digit in digits
            )
        else:
            a, b = (_drawn_image(rng, grid, name) for _ in range(2))
        return {"x": grid, "y": grid, "a": a / a.sum(), "b": b / b.sum(), "cost": cost}

    return make


# Images of 64 x 64 pixels are the largest whose costs fit beside each other in memory.
IMAGE_LIMITS = PEERS_LIMITS | {"otdiv matrix": 4096, "POT emd2": 4096}
DRAWN_IMAGES = (
    "white noise",
    *(f"{kind} random field" for kind in ROUGHNESS),
    "Cauchy density",
    "shapes",
    "spots",
)
for name in (*DRAWN_IMAGES, "photographs", "digits"):
    sizes = (32**2, 64**2, 128**2, 256**2) if name in DRAWN_IMAGES else (32**2, 64**2)
    PROBLEMS.append(
        Problem(f"image pair: {name}", "exact", sizes, (256,), images(name), IMAGE_LIMITS)
    )
for cost in ("euclidean", "cityblock"):
    for name in ("white noise", "smooth random field", "Cauchy density", "spots"):
        PROBLEMS.append(
            Problem(
                f"image pair: {name}, {cost}",
                "exact",
                (32**2, 64**2, 128**2),
                (256,),
                images(name, cost),
                IMAGE_LIMITS,
            )
        )


def colours(rng: np.random.Generator, n: int) -> dict[str, Any]:
    """Pixels of scikit-learn's two photographs as colour clouds in [0, 1]³."""
    from sklearn.datasets import load_sample_images

    photos = load_sample_images().images
    x, y = (photo.reshape(-1, 3)[rng.choice(photo.size // 3, n)] / 255.0 for photo in photos)
    weights = np.full(n, 1.0 / n)
    return {"x": x, "y": y, "a": weights, "b": weights, "cost": "sqeuclidean"}


def counts(rng: np.random.Generator, n: int) -> dict[str, Any]:
    """Sparse counts like a single-cell experiment's: log(1 + Poisson of gamma rates), 50 genes."""
    rates = rng.gamma(0.3, 2.0, (2, 8, 50))
    x, y = (np.log1p(rng.poisson(rate[rng.integers(8, size=n)])).astype(float) for rate in rates)
    weights = np.full(n, 1.0 / n)
    return {"x": x, "y": y, "a": weights, "b": weights, "cost": "euclidean"}


PROBLEMS += [
    Problem(
        "colour clouds of two photographs", "exact", (1000, 4000), (500,), colours, PEERS_LIMITS
    ),
    Problem("sparse counts, d=50", "exact", (1000, 4000), (500,), counts, PEERS_LIMITS),
]

for d, weights, cost, sizes in (
    (2, "uniform", "euclidean", (20_000, 50_000, 100_000)),
    (2, "random", "euclidean", (20_000, 100_000)),
    (3, "uniform", "euclidean", (100_000,)),
    (2, "uniform", "sqeuclidean", (100_000, 200_000, 1_000_000)),
    (3, "uniform", "sqeuclidean", (100_000,)),
):
    PROBLEMS.append(
        Problem(
            f"uniform against normal, d={d}, {weights} weights, {cost}",
            "large",
            sizes,
            (20_000,),
            clouds("uniform against normal", d, weights, cost),
            # Only W1 takes long enough for an early stop to matter.
            limits={"otdiv, rtol=1e-3": 100_000 if cost == "euclidean" and d == 2 else 0},
        )
    )
for d, cost in ((2, "euclidean"), (2, "sqeuclidean"), (10, "euclidean")):
    PROBLEMS.append(
        Problem(
            f"uniform against normal, d={d}, uniform weights, {cost}",
            "gaps",
            (4000, 20_000) if d == 2 else (4000,),
            (500,),
            clouds("uniform against normal", d, "uniform", cost),
        )
    )


def entropic_clouds(
    family: str, d: int, er: float
) -> Callable[[np.random.Generator, int], dict[str, Any]]:
    """Clouds of the suite `entropic` under squared distances; epsilon is `er` times the mean."""

    def make(rng: np.random.Generator, n: int) -> dict[str, Any]:
        if family == "cube against two blobs":
            x = rng.random((n, d))
            y = rng.choice([0.3, 0.7], n)[:, None] + 0.1 * rng.normal(size=(n, d))
        else:
            x = 0.4 + 0.1 * rng.normal(size=(n, d))
            y = 0.6 + 0.15 * rng.normal(size=(n, d))
        weights = np.full(n, 1.0 / n)
        return _with_epsilon({"x": x, "y": y, "a": weights, "b": weights}, er)

    return make


def entropic_images(
    name: str, er: float | None, epsilon: float | None = None
) -> Callable[[np.random.Generator, int], dict[str, Any]]:
    """Image pairs with epsilon as a share of the mean cost, or absolute in the unit square."""

    def make(rng: np.random.Generator, n: int) -> dict[str, Any]:
        data = images(name)(rng, n)
        return data | {"epsilon": epsilon} if er is None else _with_epsilon(data, er)

    return make


def _with_epsilon(data: dict[str, Any], er: float) -> dict[str, Any]:
    x, y, a, b = (data[name] for name in ("x", "y", "a", "b"))
    mean = a @ np.square(x).sum(axis=1) + b @ np.square(y).sum(axis=1) - 2.0 * (a @ x) @ (b @ y)
    return data | {"epsilon": er * float(mean)}


# Peers are not asked where one call would take minutes, by their seconds a round at n = 4000; below
# er = 1e-2 they take thousands of rounds, or underflow at once.
_ENTROPIC_LIMITS = {
    "POT sinkhorn": 4096,
    "POT sinkhorn_log": 1024,
    "POT sinkhorn_stabilized": 1024,
    "OTT-JAX": 4000,
    "OTT-JAX, momentum 1.5": 1024,
    "GeomLoss online, scaling 0.9": 4096,
    "GeomLoss tensorized, scaling 0.9": 4096,
}
_SHARP_LIMITS = dict.fromkeys(_ENTROPIC_LIMITS, 256) | {"POT sinkhorn": 4096}
for family in ("cube against two blobs", "two Gaussians"):
    for d in (2, 10):
        for er in (1e-1, 1e-2, 1e-3, 1e-4):
            if d == 10 and er < 1e-3:
                continue  # between atoms an exact plan is nearer: thousands of products a step
            PROBLEMS.append(
                Problem(
                    f"{family}, d={d}, er={er:g}",
                    "entropic",
                    (1000, 4000, 10_000) if er > 1e-3 or d == 2 else (1000, 4000),
                    (100,),
                    entropic_clouds(family, d, er),
                    limits=_ENTROPIC_LIMITS if er >= 1e-2 else _SHARP_LIMITS,
                )
            )
for er in (1e-1, 1e-2, 1e-3, 1e-4):
    PROBLEMS.append(
        Problem(
            f"image pair: digits, er={er:g}",
            "entropic",
            (1024, 4096),
            (256,),
            entropic_images("digits", er),
            limits=_ENTROPIC_LIMITS if er >= 1e-2 else _SHARP_LIMITS,
        )
    )
for name in ("white noise", "Cauchy density", "digits"):
    PROBLEMS.append(
        Problem(
            f"image pair: {name}, epsilon=1e-3 of the unit square",
            "entropic",
            (4096, 65_536),
            (256,),
            entropic_images(name, None, 1e-3),
            limits=_SHARP_LIMITS | {"otdiv Sinkhorn(), rtol=1e-4": 4096},
        )
    )
