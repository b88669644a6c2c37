"""Two climate fields on a map: how far the rain of one model lies from that of another.

The fields are made: bands of rain at the equator and in the middle latitudes, with storms on top,
of which the second model puts the tropical band farther north and the storms farther east. Cells
far north are small, so a cell weighs its share of the sphere, and the way is along great circles:
what crosses the date line is not taken around the world.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import LineCollection
from showing import Example

from otdiv import Geodesic, transport

example = Example(__doc__)
step = 10.0 if example.quick else 5.0
earth = 6371.0  # km, its mean radius
turned = 8.0  # degrees east
longitude = np.arange(-180.0 + step / 2, 180.0, step)
latitude = np.arange(-90.0 + step / 2, 90.0, step)
points = np.stack([side.ravel() for side in np.meshgrid(longitude, latitude)], axis=1)
area = np.cos(np.radians(points[:, 1]))
generator = np.random.default_rng(3)
storms = np.stack([generator.uniform(-180, 180, 12), generator.uniform(-50, 50, 12)], axis=1)


def rain(north, east):
    """Share of all rain that falls into each cell, (n,)."""
    bands = np.exp(-(((points[:, 1] - north) / 9.0) ** 2))
    bands += 0.4 * np.exp(-(((np.abs(points[:, 1]) - 48.0) / 12.0) ** 2))
    far = Geodesic().pairwise(points, storms + np.array([east, 0.0]))
    field = (bands + 1.5 * np.exp(-((far / 0.12) ** 2)).sum(axis=1)) * area
    return field / field.sum()


first, second = rain(4.0, 0.0), rain(9.0, turned)
cost = Geodesic(radius=earth)
result = transport(points, points, x_weights=first, y_weights=second, cost=cost)
lower, upper = result.bounds.lower, result.bounds.upper
example.shows("W1 of the two fields", f"{result.value:.3f} km")
example.holds(
    "proven bounds",
    f"{lower:.9f} to {upper:.9f} km",
    "closed to 1e-9",
    upper - lower <= 1e-9 * upper,
)
flat = transport(points, points, x_weights=first, y_weights=second).value * np.pi / 180.0 * earth
example.holds(
    "the same in degrees of the flat map",
    f"{flat:.3f} km",
    "longer, as cells far north are wide there",
    flat > result.value,
)
shift = np.roll(first.reshape(latitude.size, -1), 1, axis=1).ravel()
moved = transport(points, points, x_weights=first, y_weights=shift, cost=cost)
widest = float(first @ area) * np.radians(step) * earth
example.holds(
    "the first field, turned by one cell",
    f"{moved.value:.3f} km",
    f"at most {widest:.3f} km, all cells along their parallels",
    moved.bounds.lower <= widest,
)

figure, axes = plt.subplots(3, 1, figsize=(8, 11), layout="constrained", sharex=True)
for ax, field, name in zip(axes[:2], (first, second), ("first model", "second model"), strict=True):
    density = (field / area).reshape(latitude.size, -1)
    mesh = ax.pcolormesh(longitude, latitude, density, cmap="Blues", shading="nearest")
    ax.set_title(f"rain of the {name}")
    ax.set_ylabel("latitude, degrees")
    figure.colorbar(mesh, ax=ax, label="rain per unit of area")
plan = result.plan
start, end = points[plan.rows], points[plan.columns]
mass = plan.mass * (start != end).any(axis=1)
heavy = np.argsort(mass)[-600:]
# Ways across the date line are drawn on one side of it.
east = np.mod(end[:, 0] - start[:, 0] + 180.0, 360.0) - 180.0
stop = np.stack([start[:, 0] + east, end[:, 1]], axis=1)
lines = LineCollection(
    np.stack([start, stop], axis=1)[heavy],
    linewidths=3.0 * mass[heavy] / mass.max() + 0.2,
    colors="darkred",
)
axes[2].add_collection(lines)
axes[2].plot(*stop[heavy].T, ".", color="darkred", markersize=2)
axes[2].set(xlim=(-180, 180), ylim=(-90, 90), xlabel="longitude, degrees")
axes[2].set_ylabel("latitude, degrees")
axes[2].set_title(
    f"the 600 heaviest ways: W1 = {result.value:.1f} km, proven to {upper - lower:.0e} km"
)
example.finish(figure, "20_fields_on_a_map")
