"""Value, plan and potentials are told apart by type and shape."""

import types

import numpy as np
import pytest
from scipy import sparse

from otdiv import SparsePlan, gradient, transport, transport_matrix
from otdiv.conformance import read_answer
from otdiv.solvers import Sinkhorn

PLAN = np.array([[0.5, 0.0, 0.0], [0.0, 0.25, 0.25]])
F, G = np.array([1.0, 2.0]), np.array([3.0, 4.0, 5.0])


@pytest.mark.parametrize("raw", [0.5, np.float32(0.5), np.array(0.5), 1])
def test_a_number_is_a_value(raw):
    answer = read_answer(raw, (2, 3))
    assert answer.value == float(raw)
    assert answer.plan is None


@pytest.mark.parametrize(
    "raw",
    [
        PLAN,
        PLAN.tolist(),
        sparse.csr_matrix(PLAN),
        sparse.coo_array(PLAN),
        SparsePlan(rows=[0, 1, 1], columns=[0, 1, 2], mass=[0.5, 0.25, 0.25], shape=(2, 3)),
    ],
    ids=["array", "lists", "csr_matrix", "coo_array", "SparsePlan"],
)
def test_a_matrix_is_a_plan(raw):
    answer = read_answer(raw, (2, 3))
    np.testing.assert_array_equal(answer.plan, PLAN)
    assert answer.value is None


def test_a_matrix_of_one_entry_is_a_plan_and_not_a_value():
    answer = read_answer(np.array([[1.0]]), (1, 1))
    assert answer.value is None
    assert answer.plan.shape == (1, 1)


@pytest.mark.parametrize(
    "raw",
    [
        (0.5, PLAN, F, G),
        (PLAN, 0.5, (F, G)),
        (0.5, PLAN, None, [F, G][0], G),
        {"value": 0.5, "plan": PLAN, "f": F, "g": G, "n_iterations": 3},
        {"value": 0.5, "plan": PLAN, "potentials": (F, G)},
        types.SimpleNamespace(value=0.5, plan=PLAN, potentials=(F, G), status="done"),
        (0.5, {"plan": PLAN}, F, G),
    ],
    ids=["tuple", "nested", "None skipped", "mapping", "potentials", "attributes", "mixed"],
)
def test_bundles_are_taken_apart(raw):
    answer = read_answer(raw, (2, 3))
    assert answer.value == 0.5
    np.testing.assert_array_equal(answer.plan, PLAN)
    np.testing.assert_array_equal(answer.f, F)
    np.testing.assert_array_equal(answer.g, G)


def test_between_one_row_and_one_column_the_order_tells_the_potentials():
    answer = read_answer((np.array([1.0]), np.array([2.0])), (1, 1))
    assert (answer.f[0], answer.g[0]) == (1.0, 2.0)


def test_our_own_result_is_read():
    result = transport_matrix([[0.0, 2.0], [2.0, 1.0]])
    answer = read_answer(result, (2, 2))
    assert answer.value == result.value
    np.testing.assert_array_equal(answer.plan, result.plan.toarray())
    np.testing.assert_array_equal(answer.f, result.potentials.f)


def test_the_regularised_problem_of_our_own_result_is_told_from_the_transport():
    result = transport_matrix([[0.0, 2.0], [2.0, 1.0]], solver=Sinkhorn(epsilon=0.5))
    answer = read_answer(result, (2, 2))
    np.testing.assert_array_equal(answer.f, result.potentials.f)
    np.testing.assert_array_equal(answer.entropic.f, result.entropic.f)
    assert (answer.value, answer.entropic.value) == (result.value, result.entropic.value)
    assert answer.entropic.epsilon == 0.5


def test_gradients_and_epsilon_go_by_their_names():
    gradients = {"a": F, "b": G, "x": np.ones((2, 1)), "y": np.zeros((3, 1)), "cost": PLAN}
    raw = (0.5, PLAN, {"gradients": gradients, "epsilon": 2})
    answer = read_answer(raw, (2, 3), d=1)
    np.testing.assert_array_equal(answer.gradients.b, G)
    assert answer.gradients.x.shape == (2, 1)
    assert (answer.value, answer.epsilon) == (0.5, 2.0)
    assert read_answer(raw, (2, 3)).gradients.x is None


def test_our_own_gradient_is_read():
    found = gradient(transport([0.0, 1.0], [3.0, 5.0, 6.0]))
    answer = read_answer({"value": 1.0, "gradients": found}, (2, 3), d=1)
    for name in "xyab":
        np.testing.assert_array_equal(getattr(answer.gradients, name), getattr(found, name))


@pytest.mark.parametrize(
    "raw",
    [
        {"value": 0.5, "gradients": {"x": np.ones(2)}},
        {"value": 0.5, "gradients": {"x": np.ones((3, 1))}},
        {"value": 0.5, "gradients": {"a": G}},
        {"value": 0.5, "epsilon": F},
        {"value": 0.5, "entropic": {"f": G}},
    ],
    ids=repr,
)
def test_a_named_part_of_the_wrong_shape_is_an_error(raw):
    with pytest.raises(TypeError, match="the solver returned"):
        read_answer(raw, (2, 3), d=1)


def test_attributes_that_a_result_declines_are_left_out():
    class Result:
        value = 0.5

        @property
        def plan(self):
            raise NotImplementedError

    answer = read_answer(Result(), (2, 3))
    assert answer.value == 0.5
    assert answer.plan is None


@pytest.mark.parametrize(
    "raw",
    [
        None,
        (),
        "0.5",
        True,
        PLAN.T,
        PLAN[:1],
        np.zeros((2, 3, 1)),
        (F, F),
        np.zeros(4),
        {},
        {"cost": 0.5},
        F,
        pytest.param(object(), id="object"),
    ],
    ids=repr,
)
def test_what_has_no_admitted_shape_is_an_error(raw):
    with pytest.raises(TypeError, match="the solver returned"):
        read_answer(raw, (2, 3))


def test_torch_like_tensors_are_detached():
    class Tensor:
        def __init__(self, array, attached=True):
            self.array, self.attached = array, attached

        def detach(self):
            return Tensor(self.array, attached=False)

        def __array__(self, dtype=None, copy=None):
            if self.attached:
                raise RuntimeError("needs a gradient")
            return np.asarray(self.array, dtype=dtype)

    np.testing.assert_array_equal(read_answer(Tensor(PLAN), (2, 3)).plan, PLAN)
