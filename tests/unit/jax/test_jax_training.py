"""Loops of training with otdiv.jax: pairs of fixed sizes, flows in a scan, no call that hangs."""

import subprocess
import sys

import numpy as np
import pytest

jax = pytest.importorskip("jax")

import jax.numpy as jnp  # noqa: E402  (after the check for JAX)

import otdiv  # noqa: E402
from otdiv import InvalidInputError, many  # noqa: E402
from otdiv.jax import pairing, plan_entries, transport_cost  # noqa: E402

pytestmark = pytest.mark.interop


def clouds(seed, n=20, m=20, batch=()):
    rng = np.random.default_rng(seed)
    return tuple(jnp.asarray(rng.normal(size=(*batch, k, 2))) for k in (n, m))


@pytest.mark.parametrize("batch", [(), (3,)])
def test_a_pairing_uses_every_point_once_and_is_the_best(batch):
    x, y = clouds(0, batch=batch)
    expected = many.pairing(np.asarray(x), np.asarray(y), cost="sqeuclidean")
    found = [pairing(x, y), jax.jit(pairing)(x, y)]
    if batch:
        found.append(jax.vmap(pairing)(x, y))
    for columns in found:
        assert columns.dtype == jnp.int32
        np.testing.assert_array_equal(columns, expected)


def test_unequal_counts_have_no_pairing():
    x, y = clouds(1, m=19)
    with pytest.raises(InvalidInputError, match="`y` must have 20 points"):
        jax.jit(pairing)(x, y)


@pytest.mark.parametrize("weighted", [False, True])
def test_entries_of_a_plan_are_weighted_pairs_of_a_fixed_number(weighted):
    x, y = clouds(2, m=13)
    a = jnp.asarray(np.random.default_rng(3).random(20)) if weighted else None
    pairs = jax.jit(plan_entries)(x, y, x_weights=a)
    assert pairs.rows.shape == pairs.columns.shape == pairs.mass.shape == (32,)
    assert tuple(pairs.shape) == (20, 13)
    plan = np.zeros((20, 13))
    np.add.at(plan, (np.asarray(pairs.rows), np.asarray(pairs.columns)), np.asarray(pairs.mass))
    shares = np.full(20, 0.05) if a is None else np.asarray(a / a.sum())
    np.testing.assert_allclose(plan.sum(axis=1), shares, atol=1e-6)
    np.testing.assert_allclose(plan.sum(axis=0), 1 / 13, atol=1e-6)
    paid = (pairs.mass * ((x[pairs.rows] - y[pairs.columns]) ** 2).sum(-1)).sum()
    assert paid == pytest.approx(
        float(transport_cost(x, y, x_weights=a, cost="sqeuclidean")), rel=1e-5
    )


def test_entries_of_many_plans_are_those_of_each():
    x, y = clouds(4, m=13, batch=(3,))
    mapped, batched = jax.vmap(plan_entries)(x, y), plan_entries(x, y)
    for k in range(3):
        for found in (mapped, batched):
            for part, alone in zip(found[:3], plan_entries(x[k], y[k])[:3], strict=True):
                np.testing.assert_allclose(part[k], alone, atol=1e-7)


def test_no_gradient_flows_through_a_pairing():
    x, y = clouds(5)

    def loss(x, y):
        pairs = plan_entries(x, y)
        return (pairs.mass * ((x[pairs.rows] - y[pairs.columns]) ** 2).sum(-1)).sum()

    # By the envelope theorem the plan need not be differentiated.
    expected = jax.grad(transport_cost)(x, y, cost="sqeuclidean")
    np.testing.assert_allclose(jax.jit(jax.grad(loss))(x, y), expected, rtol=1e-4, atol=1e-6)


def test_a_scan_of_gradient_steps_moves_a_cloud_onto_another_with_a_proof():
    """Each step goes a tenth of the way to the partners, so that 0.9 ** 100 is left of W2."""
    x, y = clouds(6, n=30, m=30)
    y = y + 5.0

    def step(x, _):
        loss, slope = jax.value_and_grad(transport_cost)(x, y, cost="sqeuclidean")
        return x - 0.05 * len(x) * slope, loss

    end, losses = jax.jit(lambda x: jax.lax.scan(step, x, length=100))(x)
    np.testing.assert_allclose(losses[1:50], 0.81 * losses[:49], rtol=1e-4)
    result = otdiv.transport(np.asarray(end, float), np.asarray(y, float), cost="sqeuclidean")
    bounds = result.bounds
    assert 0.0 <= bounds.lower <= bounds.upper
    assert bounds.upper <= 0.81**100 * float(losses[0]) * 1.01 + 1e-10  # of single precision


def test_a_scan_of_steps_can_be_differentiated_in_what_is_no_second_derivative():
    """The gradient of a chain of values, each of points that a parameter moves."""
    x, y = clouds(7, n=8, m=8)

    def total(shift):
        def step(place, _):
            place = place + shift
            return place, transport_cost(place, y, cost="sqeuclidean")

        return jax.lax.scan(step, x, length=5)[1].sum()

    slope = jax.jit(jax.grad(total))(0.1)
    step = 1e-2  # where pairs stay the total is quadratic, and central differences are exact
    expected = float(total(0.1 + step) - total(0.1 - step)) / (2.0 * step)
    assert slope == pytest.approx(expected, rel=1e-2)


# 1,000 calls, dispatched without waiting, from a scan, and from threads at once; of arrays of more
# than 100 KB as well, which JAX copies beside the thread that calls.
CALLS = """
import os, threading
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:{cpus}])
import jax, jax.numpy as jnp
from otdiv.jax import transport_matrix_cost, wasserstein1

points = jax.random.normal(jax.random.key(0), (2, 12, 2))
costs = jax.random.uniform(jax.random.key(1), (6, 6000))
small = jax.jit(jax.grad(wasserstein1))
large = jax.jit(jax.value_and_grad(transport_matrix_cost))
for _ in range(300):
    last = small(points[0], points[1])
last.block_until_ready()
flow = jax.jit(lambda x: jax.lax.scan(lambda x, _: (x - small(x, points[1]), None), x, length=200))
jax.block_until_ready(flow(points[0]))

def work():
    for k in range(100):
        small(points[0], points[1] + k)
    for k in range(25):
        large(costs + k)[1].block_until_ready()

threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("all", 300 + 200 + 4 * 125)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the processors are counted as on Linux")
@pytest.mark.parametrize("cpus", [1, 2])
def test_a_thousand_calls_from_loops_and_threads_end(cpus):
    command = [sys.executable, "-c", CALLS.format(cpus=cpus)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert found.stdout == "all 1000\n", found.stderr


def test_the_callback_does_not_know_jax():
    """A callback that calls JAX can wait for itself."""
    code = "import sys, types\n" + (
        "from pathlib import Path\nimport otdiv\n"
        "package = types.ModuleType('otdiv.jax')\n"
        "package.__path__ = [str(Path(otdiv.__file__).parent / 'jax')]\n"
        "sys.modules['otdiv.jax'] = package\n"
        "import otdiv.jax.host\nprint('jax' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"


DEVICES = """
import os
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
import jax, jax.numpy as jnp
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from otdiv.jax import wasserstein1

x = jax.random.normal(jax.random.key(0), (4, 6, 2))
y = jax.random.normal(jax.random.key(1), (5, 2))
every = jax.vmap(jax.value_and_grad(wasserstein1), in_axes=(0, None))
expected = every(x, y)
parts = NamedSharding(Mesh(jax.devices(), ("batch",)), PartitionSpec("batch"))
for found in (jax.jit(every)(jax.device_put(x, parts), y), every(jax.device_put(x, parts), y)):
    for part, other in zip(found, expected):
        assert jnp.allclose(part, other, rtol=1e-6), (part, other)
there = jax.device_put((x, y), jax.devices()[1])
for found in (jax.jit(every)(*there), every(*there)):
    assert found[0].devices() == {jax.devices()[1]}
if hasattr(jax, "shard_map"):
    specs = {"in_specs": (parts.spec, PartitionSpec()), "out_specs": parts.spec}
    split = jax.jit(jax.shard_map(every, mesh=parts.mesh, check_vma=False, **specs))
    for part, other in zip(split(x, y), expected):
        assert jnp.allclose(part, other, rtol=1e-6)
print("same")
"""


@pytest.mark.slow
def test_arrays_on_several_devices_have_the_same_values():
    command = [sys.executable, "-c", DEVICES]
    found = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert found.stdout == "same\n", found.stderr
