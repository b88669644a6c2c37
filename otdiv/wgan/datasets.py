"""Laws to imitate, each with what a good sample is and which modes there are to be found."""

from __future__ import annotations

import abc
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._frozen import restore, seal
from .._optional import import_optional
from .._typing import FloatArray, IndexArray
from .._validation import as_points, check_positive
from ..errors import InvalidInputError

__all__ = [
    "Dataset",
    "Quality",
    "digits",
    "gaussians_8",
    "gaussians_25",
    "parallel_lines",
    "swiss_roll",
]

# A point is good within this many standard deviations of the noise of a mode, the usual rule.
_GOOD = 4.0

# Share of a sample that must be good and of one mode for the mode to count: 40 of 2000.
_MODE_SHARE = 0.02

# Pieces into which a curve without modes is cut to count them; by taste.
_PIECES = 10

# The toy sets of the code published with arXiv:1704.00028.
_RADIUS, _RING_SCALE = 2.0, 1.414
_GRID, _GRID_SCALE = (-4.0, -2.0, 0.0, 2.0, 4.0), 2.828
_ROLL_NOISE, _ROLL_SCALE = 0.25, 7.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Quality:
    """How a sample looks to somebody who knows the law.

    Attributes
    ----------
    share_good : float
        Share of the points that the law could well have made.
    mode_shares : ndarray, shape (k,)
        Share of all points that are good and belong to each mode.
    n_covered : int
        Modes with a share of at least 2 %.
    """

    share_good: float
    mode_shares: FloatArray
    n_covered: int

    __setstate__ = restore

    def __post_init__(self) -> None:
        seal(self)


class Dataset(abc.ABC):
    """A law in d dimensions that can be drawn from, and that judges samples.

    Attributes
    ----------
    name : str
        What reports call it.
    d : int
        Dimension of the points.
    n_modes : int
        Number of modes, or of the pieces into which a curve is cut to count them.
    largest_held_out : int or None
        Points that `held_out` can give; None where it can give any number.
    """

    name: str
    d: int
    n_modes: int
    largest_held_out: int | None = None

    @abc.abstractmethod
    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draw n points (n, d) to train on."""

    @abc.abstractmethod
    def judge(self, points: FloatArray) -> tuple[IndexArray, Any]:
        """Return the mode (n,) of each point, and whether it is good (n,)."""

    def held_out(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draw n points (n, d) that training never sees."""
        return self.sample(n, rng)

    def quality(self, points: Any) -> Quality:
        """Judge a sample (n, d): the share of good points, and the modes that it covers."""
        points = as_points("points", points)
        if points.shape[1] != self.d:
            raise InvalidInputError("points", f"have {self.d} columns", points.shape[1])
        modes, good = self.judge(points)
        shares = np.bincount(modes[good], minlength=self.n_modes) / len(points)
        return Quality(
            share_good=float(np.mean(good)),
            mode_shares=shares,
            n_covered=int((shares >= _MODE_SHARE).sum()),
        )

    def describe(self) -> dict[str, float]:
        """Return the numbers that tell laws of one name apart."""
        return {}

    def __repr__(self) -> str:
        return f"<{self.name}: {self.d}-dimensional, {self.n_modes} modes>"


class _Mixture(Dataset):
    """Equal round Gaussians; a mode is a centre."""

    def __init__(self, name: str, centres: FloatArray, sigma: float) -> None:
        self.name = name
        self.d = centres.shape[1]
        self.n_modes = len(centres)
        self.centres = centres
        self.sigma = sigma

    def describe(self) -> dict[str, float]:
        return {"sigma": self.sigma}

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        noise = self.sigma * rng.standard_normal((n, self.d))
        return np.asarray(self.centres[rng.integers(self.n_modes, size=n)] + noise)

    def judge(self, points: FloatArray) -> tuple[IndexArray, Any]:
        squares = ((points[:, None, :] - self.centres) ** 2).sum(axis=2)
        modes = squares.argmin(axis=1)
        return modes, squares[np.arange(len(points)), modes] <= (_GOOD * self.sigma) ** 2


class _Curve(Dataset):
    """Noise around a curve in the plane, uniform in the curve's parameter; modes are pieces."""

    # Points of the curve between which none lies; enough that the gaps are far below the noise.
    _RESOLUTION = 4000

    def __init__(self, name: str, trace: Any, sigma: float, tolerance: float) -> None:
        self.name = name
        self.d = 2
        self.n_modes = _PIECES
        self.trace = trace
        self.sigma = sigma
        self.tolerance = tolerance
        self._share = (np.arange(self._RESOLUTION) + 0.5) / self._RESOLUTION

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        points = self.trace(rng.random(n))
        return np.asarray(points + self.sigma * rng.standard_normal((n, 2)))

    def judge(self, points: FloatArray) -> tuple[IndexArray, Any]:
        from scipy.spatial import KDTree

        distance, place = KDTree(self.trace(self._share)).query(points)
        return (place * _PIECES) // self._RESOLUTION, distance <= self.tolerance


class _Digits(Dataset):
    """Handwritten digits; a mode is a class, and a good point is as near to a digit as a digit."""

    name = "digits"
    n_modes = 10

    # Share of held-out digits that the tolerance accepts.
    _ACCEPTED = 0.99

    def __init__(self) -> None:
        sets = import_optional("sklearn.datasets", extra="test", purpose="the digits")
        images, labels = sets.load_digits(return_X_y=True)
        images = images / 16.0
        # Which are held out is fixed, not drawn: every run is judged on the same digits.
        train = np.random.default_rng(0).permutation(len(images)) % 2 == 0
        self.d = images.shape[1]
        self._train, self._labels, self._held_out = images[train], labels[train], images[~train]
        self.largest_held_out = len(self._held_out)
        distance, _ = self._nearest(self._held_out)
        self.tolerance = float(np.quantile(distance, self._ACCEPTED))

    def _nearest(self, points: FloatArray) -> tuple[FloatArray, IndexArray]:
        from scipy.spatial import KDTree

        distance, place = KDTree(self._train).query(points)
        return distance, place

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        return np.asarray(self._train[rng.integers(len(self._train), size=n)])

    def held_out(self, n: int, rng: np.random.Generator) -> FloatArray:
        if n > len(self._held_out):
            raise InvalidInputError("n", f"be at most {len(self._held_out)} for the digits", n)
        return np.asarray(self._held_out[rng.permutation(len(self._held_out))[:n]])

    def judge(self, points: FloatArray) -> tuple[IndexArray, Any]:
        distance, place = self._nearest(points)
        return self._labels[place].astype(np.int64), distance <= self.tolerance


def gaussians_8(*, noise: float = 0.02) -> Dataset:
    """Return eight Gaussians on a circle: radius 2 and the noise, both divided by 1.414.

    Parameters
    ----------
    noise : float, default 0.02
        Standard deviation before the division.

    References
    ----------
    Gulrajani et al. (2017), arXiv:1704.00028, figure 1, and the code published with it.

    Examples
    --------
    >>> import numpy as np
    >>> from otdiv.wgan import gaussians_8
    >>> data = gaussians_8()
    >>> quality = data.quality(data.sample(2000, np.random.default_rng(0)))
    >>> quality.n_covered, quality.share_good > 0.99
    (8, True)
    """
    angles = np.arange(8) * (math.pi / 4.0)
    centres = _RADIUS * np.column_stack([np.cos(angles), np.sin(angles)])
    sigma = check_positive("noise", noise)
    return _Mixture("8gaussians", centres / _RING_SCALE, sigma / _RING_SCALE)


def gaussians_25(*, noise: float = 0.05) -> Dataset:
    """Return 25 Gaussians on the grid {-4, -2, 0, 2, 4}², centres and noise divided by 2.828.

    Parameters
    ----------
    noise : float, default 0.05
        Standard deviation before the division.

    References
    ----------
    Gulrajani et al. (2017), arXiv:1704.00028, figure 1, and the code published with it.

    Examples
    --------
    >>> from otdiv.wgan import gaussians_25
    >>> gaussians_25()
    <25gaussians: 2-dimensional, 25 modes>
    """
    centres = np.array([(u, v) for u in _GRID for v in _GRID])
    sigma = check_positive("noise", noise)
    return _Mixture("25gaussians", centres / _GRID_SCALE, sigma / _GRID_SCALE)


def _roll(share: FloatArray) -> FloatArray:
    angle = 1.5 * math.pi * (1.0 + 2.0 * share)
    return np.column_stack([angle * np.cos(angle), angle * np.sin(angle)]) / _ROLL_SCALE


def swiss_roll() -> Dataset:
    """Return the plane section of scikit-learn's Swiss roll, noise 0.25, all divided by 7.5.

    Its modes are ten pieces of equal mass.

    References
    ----------
    Gulrajani et al. (2017), arXiv:1704.00028, figure 1, and the code published with it.

    Examples
    --------
    >>> import numpy as np
    >>> from otdiv.wgan import swiss_roll
    >>> swiss_roll().sample(3, np.random.default_rng(0)).shape
    (3, 2)
    """
    sigma = _ROLL_NOISE / _ROLL_SCALE
    return _Curve("swissroll", _roll, sigma, _GOOD * sigma)


def _line(share: FloatArray) -> FloatArray:
    return np.column_stack([np.zeros_like(share), share])


def parallel_lines() -> Dataset:
    """Return the real law of Example 1: (0, Z) with Z uniform on [0, 1], a line in the plane.

    Its modes are ten pieces; a point is good within 0.05 of the line. See also
    `descend_parallel_lines`, which trains the example's own generator (θ, Z).

    References
    ----------
    Arjovsky, Chintala, Bottou (2017), arXiv:1701.07875, example 1.

    Examples
    --------
    >>> import numpy as np
    >>> from otdiv.wgan import parallel_lines
    >>> float(abs(parallel_lines().sample(9, np.random.default_rng(0))[:, 0]).max())
    0.0
    """
    return _Curve("parallel_lines", _line, 0.0, 0.05)


def digits() -> Dataset:
    """Return scikit-learn's 8 × 8 handwritten digits in [0, 1]^64, a half of them held out.

    A mode is a class, told by the nearest digit of the training half; a point is good when that one
    is no farther than 99 % of the held-out digits have theirs.

    Raises
    ------
    MissingDependencyError
        If scikit-learn is not installed.

    Examples
    --------
    >>> from otdiv.wgan import digits
    >>> digits()
    <digits: 64-dimensional, 10 modes>
    """
    return _Digits()
