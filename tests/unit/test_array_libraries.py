"""Arrays of torch, JAX and the array API go into every call, and come back as they were."""

import subprocess
import sys

import numpy as np
import pytest

import otdiv
from otdiv import InvalidInputError, SparsePlan, solvers
from otdiv._arrays import to_like
from tests.public_calls import CASES
from tests.tables import ROWS

pytestmark = pytest.mark.interop


def of_torch(values, dtype="float64"):
    torch = pytest.importorskip("torch")
    return torch.tensor(np.asarray(values), dtype=getattr(torch, dtype))


def of_jax(values, dtype="float32"):
    pytest.importorskip("jax")
    from jax import numpy as jnp

    return jnp.asarray(np.asarray(values), dtype=dtype)


def of_standard(values, dtype="float64"):
    strict = pytest.importorskip("array_api_strict")
    return strict.asarray(np.asarray(values, dtype=dtype))


LIBRARIES = {"torch": of_torch, "jax": of_jax, "standard": of_standard}
X, Y = [[0.0, 0.0], [1.0, 3.0], [2.0, 5.0]], [[1.0, 0.0], [0.0, 3.0], [4.0, 5.0]]


def number(value):
    return np.asarray(otdiv._arrays.read("value", value), dtype=float)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(("call", "arrays", "name"), CASES)
def test_every_call_reads_the_arrays_of_a_library(call, arrays, name, library):
    values = np.asarray(arrays[name], dtype=float)
    expected = call(dict(arrays) | {name: values.tolist()})
    found = call(dict(arrays) | {name: LIBRARIES[library](values)})
    if isinstance(expected, float | np.ndarray):
        np.testing.assert_allclose(number(found), expected, rtol=1e-6)
    else:
        assert type(found) is type(expected)


DATA = {
    "points": (np.array(X), np.array(Y)),
    "line": (np.array([0.0, 1.0, 5.0]), np.array([1.0, 2.0, 4.0])),
    "vectors": (
        np.array([0.5, 0.125, 0.125, 0.125, 0.125]),
        np.array([0.25, 0.25, 0.25, 0.125, 0.125]),
    ),
}


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_distance_or_divergence_is_the_same_number_for_every_library(row, library):
    data = DATA[row.data]
    found = row.call(*(LIBRARIES[library](side) for side in data))
    assert float(found) == pytest.approx(float(row.call(*data)), rel=1e-6)


RETURNING = {
    "wasserstein1": (lambda k: otdiv.wasserstein1(k(X), k(Y)), ()),
    "energy_distance": (lambda k: otdiv.energy_distance(k([X, X]), k([Y, X])), (2,)),
    "js_divergence": (lambda k: otdiv.js_divergence(k([0.5, 0.5]), k([0.25, 0.75])), ()),
    "total_variation": (
        lambda k: otdiv.total_variation(k([[0.5, 0.5]] * 3), k([0.25, 0.75])),
        (3,),
    ),
    "sinkhorn_divergence": (lambda k: otdiv.sinkhorn_divergence(k(X), k(Y), epsilon=1.0), ()),
    "pairwise_distances": (lambda k: otdiv.pairwise_distances([k(X), k(Y), k(X)]), (3,)),
    "one side of NumPy": (lambda k: otdiv.wasserstein2(np.array(X), k(Y)), ()),
}


@pytest.mark.parametrize("name", RETURNING)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_returns_has_the_library_dtype_and_device_of_what_came(name, dtype):
    torch = pytest.importorskip("torch")
    call, shape = RETURNING[name]
    found = call(lambda values: of_torch(values, dtype))
    assert isinstance(found, torch.Tensor)
    assert found.dtype is getattr(torch, dtype)
    assert found.device == torch.device("cpu")
    assert tuple(found.shape) == shape
    jax = pytest.importorskip("jax")
    found = call(of_jax)
    assert isinstance(found, jax.Array)
    assert found.dtype == np.float32
    assert found.shape == shape
    strict = pytest.importorskip("array_api_strict")
    found = call(lambda values: of_standard(values, dtype))
    assert found.dtype == getattr(strict, dtype)
    assert found.shape == shape


def test_whole_numbers_stay_whole_and_their_distance_has_the_float_of_the_library():
    torch = pytest.importorskip("torch")
    assert otdiv.pairing(of_torch(X), of_torch(Y)).dtype is torch.int64
    found = otdiv.wasserstein1(torch.tensor([0, 1]), torch.tensor([1, 3]))
    assert found.dtype is torch.get_default_dtype()
    assert found.item() == 1.5


def test_the_widest_floats_decide_about_the_dtype():
    torch = pytest.importorskip("torch")
    found = otdiv.wasserstein1(of_torch(X, "float32"), of_torch(Y, "float64"))
    assert found.dtype is torch.float64
    found = otdiv.wasserstein1(of_torch(X, "bfloat16"), of_torch(Y, "float16"))
    assert found.dtype in (torch.bfloat16, torch.float16)


def test_16_bit_floats_are_read_exactly():
    x, y = of_torch(X, "bfloat16"), of_torch(Y, "bfloat16")
    assert otdiv.transport(x, y).value == otdiv.transport(X, Y).value


def test_a_tensor_that_requires_a_gradient_is_pointed_to_the_call_that_has_it():
    torch = pytest.importorskip("torch")
    x = of_torch(X).requires_grad_()
    words = r"`x` must not require a gradient.*`otdiv\.torch\.wasserstein1` has gradients"
    with pytest.raises(InvalidInputError, match=words):
        otdiv.wasserstein1(x, of_torch(Y))
    with pytest.raises(InvalidInputError, match=r"`y` .*`otdiv\.torch\.transport_cost`"):
        otdiv.transport(of_torch(X), x)
    with pytest.raises(InvalidInputError, match=r"`X\[1\]` .*requires_grad=True"):
        otdiv.transport_batch([of_torch(X), x], [of_torch(Y), of_torch(Y)])
    with torch.no_grad():
        assert otdiv.wasserstein1(x, of_torch(Y)).item() == otdiv.wasserstein1(X, Y)
    assert otdiv.wasserstein1(x.detach(), of_torch(Y)).item() == otdiv.wasserstein1(X, Y)


def test_a_tracer_is_pointed_to_the_calls_for_it():
    jax = pytest.importorskip("jax")
    with pytest.raises(InvalidInputError, match=r"`x` must hold numbers.*`otdiv\.jax\."):
        jax.jit(lambda x: otdiv.wasserstein2(x, of_jax(Y)))(of_jax(X))


def test_libraries_and_devices_are_not_mixed():
    torch = pytest.importorskip("torch")
    with pytest.raises(InvalidInputError, match="`y` must be of torch like `x`; got one of jax"):
        otdiv.wasserstein1(of_torch(X), of_jax(Y))
    elsewhere = torch.empty(3, 2, device="meta")
    with pytest.raises(InvalidInputError, match="`y` must be on the device cpu of `x`; got meta"):
        otdiv.wasserstein1(of_torch(X), elsewhere)


def test_a_tensor_that_is_not_dense_is_refused_with_the_way_out():
    with pytest.raises(InvalidInputError, match=r"`x` must be dense.*to_dense"):
        otdiv.wasserstein1(of_torch(X).to_sparse(), of_torch(Y))


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("solver", [None, solvers.Sinkhorn(epsilon=0.5)])
def test_parts_of_results_become_arrays_of_a_library(library, solver):
    like = LIBRARIES[library]([1.0], "float32")
    result = otdiv.transport(X, Y, cost="sqeuclidean", solver=solver)
    entries, potentials = result.plan.to(like=like), result.potentials.to(like=like)
    assert type(entries.mass) is type(potentials.f) is type(like)
    assert entries.mass.dtype == potentials.g.dtype == like.dtype
    rows, columns, mass = map(number, entries[:3])
    plan = SparsePlan(rows, columns=columns, mass=mass, shape=entries.shape)
    assert entries.shape == (3, 3)
    np.testing.assert_allclose(plan.toarray(), result.plan.toarray(), atol=1e-7)
    np.testing.assert_allclose(number(potentials.f), result.potentials.f, rtol=1e-6)
    gradient = otdiv.gradient(result)
    moved = gradient.to(like=like)
    for name in ("x", "y", "a", "b"):
        np.testing.assert_allclose(
            number(getattr(moved, name)), getattr(gradient, name), rtol=1e-6, atol=1e-7
        )
    np.testing.assert_allclose(number(moved.cost.mass), number(entries.mass))


def test_gradients_of_matrices_and_divergences_become_arrays_too():
    like = of_torch([1.0])
    moved = otdiv.gradient(otdiv.transport_matrix([[0.0, 1.0], [2.0, 0.0]])).to(like=like)
    assert moved.x is None
    assert moved.cost.shape == (2, 2)
    gradient = otdiv.sinkhorn_divergence_result(X, Y, epsilon=1.0).gradient()
    np.testing.assert_array_equal(number(gradient.to(like=like).x), gradient.x)


def test_numpy_arrays_say_their_dtype_too():
    found = otdiv.transport(X, Y).potentials.to(like=np.zeros(1, dtype=np.float32))
    assert found.f.dtype == np.float32
    assert to_like(np.arange(2), np.zeros(1)).dtype == np.int64


def test_nothing_imports_a_library_of_arrays():
    code = (
        "import sys, otdiv; otdiv.wasserstein2([[0.0, 1.0]], [[1.0, 2.0]]); "
        "print(*{'torch', 'jax', 'cupy', 'array_api_strict'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""
