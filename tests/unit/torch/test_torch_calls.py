"""The calls of otdiv.torch: values of otdiv, gradients that PyTorch's own checks accept."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import otdiv  # noqa: E402  (after the check for torch)
import otdiv.torch as differentiable  # noqa: E402
from otdiv import ConvergenceError, InvalidInputError, PNormCost, UnsupportedProblemError  # noqa: E402
from otdiv.torch import operators  # noqa: E402

pytestmark = pytest.mark.interop

CUBIC = PNormCost(3.0, power=2.5)
AXES = torch.tensor(np.random.default_rng(0).normal(size=(5, 2)))


def clouds(seed=0, n=6, m=5, d=2, batch=(), dtype=torch.float64, grad=True):
    """Points and weights away from ties."""
    rng = np.random.default_rng(seed)
    arrays = (
        rng.normal(size=(*batch, n, d)),
        rng.normal(size=(*batch, m, d)) + 0.5,
        rng.uniform(0.5, 2.0, (*batch, n)),
        rng.uniform(0.5, 2.0, (*batch, m)),
    )
    return [torch.tensor(array, dtype=dtype).requires_grad_(grad) for array in arrays]


def weighted(function, **options):
    def call(x, y, a, b):
        return function(x, y, x_weights=a, y_weights=b, **options)

    return call


# The torch call, and the call of otdiv of the same data, each of points and weights.
CALLS = {
    "wasserstein1": (
        weighted(differentiable.wasserstein1),
        weighted(otdiv.wasserstein1),
    ),
    "wasserstein1, cityblock": (
        weighted(differentiable.wasserstein1, metric="cityblock"),
        weighted(otdiv.wasserstein1, metric="cityblock"),
    ),
    "wasserstein2": (
        weighted(differentiable.wasserstein2),
        weighted(otdiv.wasserstein2),
    ),
    "transport_cost": (
        weighted(differentiable.transport_cost, cost=CUBIC),
        lambda *data: weighted(otdiv.transport, cost=CUBIC)(*data).value,
    ),
    "sinkhorn_divergence": (
        weighted(differentiable.sinkhorn_divergence, epsilon=0.5, marginal_tolerance=1e-11),
        weighted(otdiv.sinkhorn_divergence, epsilon=0.5, marginal_tolerance=1e-11),
    ),
    "sliced_wasserstein": (
        weighted(differentiable.sliced_wasserstein, directions=AXES, p=2.0),
        None,  # of drawn directions
    ),
    "energy_distance": (
        weighted(differentiable.energy_distance),
        weighted(otdiv.energy_distance),
    ),
    "maximum_mean_discrepancy": (
        weighted(differentiable.maximum_mean_discrepancy, bandwidth=1.3, kernel="laplace"),
        weighted(otdiv.maximum_mean_discrepancy, bandwidth=1.3, kernel="laplace"),
    ),
}
# Calls of other data, written as functions of points and weights.
OTHERS = {
    "wasserstein1_histogram": (
        lambda x, y, a, b: differentiable.wasserstein1_histogram(a[..., :5], b, support=y[:, 0]),
        lambda x, y, a, b: otdiv.wasserstein1_histogram(a[..., :5], b, support=y[:, 0]),
    ),
    "wasserstein1_histogram, plane": (
        lambda x, y, a, b: differentiable.wasserstein1_histogram(a[..., :5], b, support=y),
        lambda x, y, a, b: otdiv.wasserstein1_histogram(a[..., :5], b, support=y),
    ),
    "transport_matrix_cost": (
        lambda x, y, a, b: differentiable.transport_matrix_cost(
            torch.cdist(x, y), x_weights=a, y_weights=b
        ),
        lambda x, y, a, b: (
            otdiv.transport_matrix(torch.cdist(x, y), x_weights=a, y_weights=b).value
        ),
    ),
}
ALL = CALLS | OTHERS


@pytest.mark.parametrize("name", ALL)
def test_gradients_pass_gradcheck(name):
    assert torch.autograd.gradcheck(ALL[name][0], clouds(), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("name", CALLS)
def test_gradients_of_a_batch_pass_gradcheck(name):
    data = clouds(1, n=4, m=4, batch=(2,))
    assert torch.autograd.gradcheck(CALLS[name][0], data, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("m", [5, 6])
def test_weights_may_be_left_out(name, m):
    x, y, _, _ = clouds(2, m=m)
    check = torch.autograd.gradcheck
    assert check(lambda x, y: CALLS[name][0](x, y, None, None), (x, y), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("name", [name for name, pair in ALL.items() if pair[1] is not None])
def test_values_are_those_of_otdiv(name):
    call, oracle = ALL[name]
    data = clouds(3, grad=False)
    assert float(call(*data)) == pytest.approx(float(oracle(*data)), rel=1e-13)


def test_sliced_values_are_those_of_otdiv_along_the_same_directions():
    from otdiv.distances.sliced import directions

    x, y, a, b = clouds(4, grad=False)
    axes = torch.tensor(directions(np.random.default_rng(5), 30, 2))
    found = differentiable.sliced_wasserstein(x, y, x_weights=a, y_weights=b, directions=axes)
    expected = otdiv.sliced_wasserstein(x, y, x_weights=a, y_weights=b, n_projections=30, rng=5)
    torch.testing.assert_close(found, expected)


def test_drawn_directions_follow_the_seed_of_torch():
    x, y, _, _ = clouds(5)
    values = []
    for _ in range(2):
        torch.manual_seed(7)
        values.append(differentiable.sliced_wasserstein(x, y).item())
    generator = torch.Generator().manual_seed(7)
    values.append(differentiable.sliced_wasserstein(x, y, generator=generator).item())
    assert values[0] == values[1] == values[2]
    assert differentiable.sliced_wasserstein(x, y).item() != values[0]


@pytest.mark.parametrize("name", CALLS)
def test_a_batch_and_vmap_are_a_loop(name):
    call = CALLS[name][0]
    data = clouds(6, batch=(3,))
    batched = call(*data)
    expected = torch.stack([call(*(part[k] for part in data)) for k in range(3)])
    mapped = torch.vmap(call)(*data)
    torch.testing.assert_close(batched, expected)
    torch.testing.assert_close(mapped, expected)
    gradients = [torch.autograd.grad(values.sum(), data) for values in (batched, expected, mapped)]
    for found in (gradients[0], gradients[2]):
        for part, other in zip(found, gradients[1], strict=True):
            torch.testing.assert_close(part, other)


def test_one_cloud_against_a_batch_gathers_the_gradients_of_all():
    x, y, a, _ = clouds(7)
    many = torch.stack([y, y + 1.0, 2.0 * y])
    found = differentiable.wasserstein2(x, many, x_weights=a)
    assert found.shape == (3,)
    together = torch.autograd.grad(found.sum(), (x, a), retain_graph=True)
    parts = [
        torch.autograd.grad(differentiable.wasserstein2(x, side, x_weights=a), (x, a))
        for side in many.detach()
    ]
    for k in range(2):
        torch.testing.assert_close(together[k], sum(part[k] for part in parts))


OPERATORS = {
    "transport": (operators.transport, (2.0, 1.0, False)),
    "sinkhorn": (operators.sinkhorn, (0.5, 2.0, 2.0, 1e-9, 1000)),
    "sliced": (operators.sliced, (AXES, 2.0)),
    "energy": (operators.energy, (2.0,)),
    "discrepancy": (operators.discrepancy, ("gaussian", 1.0)),
}


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("batch", [(), (2,)])
@pytest.mark.parametrize("weights", [False, True])
def test_operators_between_clouds_pass_opcheck(name, batch, weights):
    operator, options = OPERATORS[name]
    x, y, a, b = clouds(8, n=4, m=3, batch=batch)
    if not weights:
        a = b = None
    torch.library.opcheck(operator, (x, y, a, b, *options, True))
    plain = [None if part is None else part.detach() for part in (x, y, a, b)]
    torch.library.opcheck(operator, (*plain, *options, False))


@pytest.mark.parametrize("batch", [(), (2,)])
def test_the_operators_of_matrices_and_histograms_pass_opcheck(batch):
    x, y, a, b = clouds(9, n=4, m=3, batch=batch)
    C = torch.cdist(x, y).detach().requires_grad_()
    torch.library.opcheck(operators.matrix, (C, a, b, True))
    torch.library.opcheck(operators.matrix, (C.detach(), None, None, False))
    p, q = a[..., :3].detach().requires_grad_(), b
    for support in (y.detach().reshape(-1, 2)[:3].requires_grad_(), torch.arange(3.0)):
        torch.library.opcheck(operators.histogram, (p, q, support, True))


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_calls_compile_without_a_break(name):
    call = ALL[name][0]
    data = clouds(10)
    torch._dynamo.reset()
    compiled = torch.compile(call, fullgraph=True, backend="aot_eager")
    gradients = [
        torch.autograd.grad(function(*data), data, allow_unused=True)
        for function in (call, compiled)
    ]
    for expected, found in zip(*gradients, strict=True):
        if expected is not None:
            torch.testing.assert_close(found, expected)


@pytest.mark.slow
def test_a_compiled_loss_takes_clouds_of_any_size():
    torch._dynamo.reset()
    loss = differentiable.TransportLoss()
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager", dynamic=True)
    for n in (4, 7, 9):
        x, y, _, _ = clouds(n, n=n, m=n + 1)
        torch.testing.assert_close(compiled(x, y), loss(x, y))


@pytest.mark.parametrize("name", ALL)
def test_a_second_derivative_raises(name):
    """Also where the first one depends on the data through what came after the distance."""
    data = clouds(11)
    value = ALL[name][0](*data)
    (first,) = torch.autograd.grad(value**2, data[3], create_graph=True)
    with pytest.raises(UnsupportedProblemError, match="second derivatives"):
        (first**2).sum().backward()


@pytest.mark.parametrize("name", ALL)
def test_a_penalty_on_a_gradient_raises_instead_of_having_none(name):
    data = clouds(21)
    first = torch.autograd.grad(ALL[name][0](*data), data[3], create_graph=True)[0]
    penalty = (first**2).sum() + sum((part**2).sum() for part in data)
    with pytest.raises(UnsupportedProblemError, match="second derivatives"):
        penalty.backward()


@pytest.mark.parametrize("name", ALL)
def test_data_and_values_may_change_before_the_backward_pass(name):
    """Nothing of them is kept: `loss += ...` in place, or a buffer that is filled again."""
    data = clouds(22)
    expected = torch.autograd.grad(ALL[name][0](*data), data[3])[0]
    value = ALL[name][0](*data)
    value += 1.0
    with torch.no_grad():
        for part in data[:3] if name in CALLS else []:
            part.mul_(2.0)
    torch.testing.assert_close(torch.autograd.grad(value, data[3])[0], expected)


def test_a_second_derivative_of_a_cost_matrix_raises():
    C = torch.rand(3, 4, dtype=torch.float64, requires_grad=True)
    value = differentiable.transport_matrix_cost(C)
    (plan,) = torch.autograd.grad(value, C, create_graph=True)
    with pytest.raises(UnsupportedProblemError, match="second derivatives"):
        plan.sum().backward()


@pytest.mark.parametrize("name", CALLS)
def test_only_gradients_that_are_asked_for_come(name):
    x, y, a, b = clouds(12)
    value = CALLS[name][0](x.detach(), y, a, b.detach())
    value.backward()
    assert x.grad is None
    assert b.grad is None
    assert y.grad.shape == y.shape
    assert a.grad.shape == a.shape


@pytest.mark.parametrize("name", ALL)
def test_values_without_gradients_are_the_same(name):
    data = clouds(13)
    with torch.no_grad():
        value = ALL[name][0](*data)
    assert not value.requires_grad
    torch.testing.assert_close(value, ALL[name][0](*data).detach())


@pytest.mark.parametrize("name", ALL)
def test_single_precision_comes_back_in_single_precision(name):
    data = clouds(14, dtype=torch.float32)
    value = ALL[name][0](*data)
    value.backward()
    assert value.dtype is torch.float32
    assert all(part.grad is None or part.grad.dtype is torch.float32 for part in data)
    exact = ALL[name][0](*(part.detach().double() for part in data))
    assert value.item() == pytest.approx(exact.item(), rel=1e-6)


def test_gradients_have_the_dtype_of_their_tensor_and_values_the_widest():
    x, y, a, _ = clouds(15)
    x = x.detach().half().requires_grad_()
    value = differentiable.transport_cost(x, y, x_weights=a)
    value.backward()
    assert value.dtype is torch.float64
    assert x.grad.dtype is torch.float16
    assert y.grad.dtype is torch.float64


def test_points_on_the_line_may_have_one_axis():
    x = torch.tensor([0.0, 1.0], requires_grad=True)
    differentiable.wasserstein1(x, torch.tensor([1, 3])).backward()
    assert x.grad.tolist() == [-0.5, -0.5]


def test_integers_are_not_rounded_to_single_precision():
    x, y = torch.tensor([2**30 + 1]), torch.tensor([2**30])
    assert differentiable.wasserstein1(x, y).item() == 1.0


def test_slices_of_the_line_are_one_slice():
    x, y, a, b = clouds(20, d=1)
    found = differentiable.sliced_wasserstein(x, y, x_weights=a, y_weights=b, p=2.0)
    torch.testing.assert_close(found, differentiable.wasserstein2(x, y, x_weights=a, y_weights=b))
    mapped = torch.vmap(differentiable.sliced_wasserstein)(x[None], y[None])
    torch.testing.assert_close(mapped[0], differentiable.wasserstein1(x, y))


def test_weights_of_softmax_learn_the_law():
    """A sum of gradients over normalised weights is 0, and descent finds the other's weights."""
    support = torch.arange(4.0, dtype=torch.float64)
    target = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64)
    logits = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([logits], lr=0.5)
    for step in range(200):
        for group in optimizer.param_groups:
            group["lr"] = 0.5 / (1.0 + step) ** 0.5
        optimizer.zero_grad()
        loss = differentiable.wasserstein1_histogram(
            torch.softmax(logits, 0), target, support=support
        )
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.03


def test_equal_clouds_have_gradient_zero():
    x, _, _, _ = clouds(16)
    y = x.detach().flip(0)
    for call in (
        differentiable.wasserstein1,
        differentiable.wasserstein2,
        differentiable.energy_distance,
    ):
        value = call(x, y)
        value.backward()
        assert value.item() == 0.0
    assert not x.grad.any()


REFUSED = {
    "an array": (lambda x, y, a: (x.detach().numpy(), y, a), "`x` must be a tensor"),
    "a list": (lambda x, y, a: (x, [[0.0, 1.0]], a), "`y` must be a tensor"),
    "columns": (lambda x, y, a: (x, y[:, :1], a), "`y` must have 2 columns like `x`; got 1"),
    "axes": (lambda x, y, a: (x[None, None], y, a), "`x` must have shape"),
    "batches": (lambda x, y, a: (x.expand(2, 6, 2), y.expand(3, 5, 2), a), "hold 2 clouds"),
    "weights": (lambda x, y, a: (x, y, a[:3]), "`x_weights` must have shape"),
    "negative": (lambda x, y, a: (x, y, -a), "`x_weights` must be non-negative"),
    "NaN": (lambda x, y, a: (x * torch.nan, y, a), "`x` must be finite"),
    "device": (lambda x, y, a: (x, y.to("meta"), a), "`y` must be on the device cpu"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_errors_name_the_argument(name):
    change, words = REFUSED[name]
    x, y, a, _ = clouds(17)
    x, y, a = change(x, y, a)
    with pytest.raises(InvalidInputError, match=words):
        differentiable.wasserstein1(x, y, x_weights=a)


def test_options_are_checked():
    x, y, _, _ = clouds(18)
    with pytest.raises(InvalidInputError, match="`cost` must be"):
        differentiable.transport_cost(x, y, cost="euclid")
    with pytest.raises(InvalidInputError, match="`epsilon` must be positive"):
        differentiable.sinkhorn_divergence(x, y, epsilon=0.0)
    with pytest.raises(InvalidInputError, match="`p` must be at least 1"):
        differentiable.sliced_wasserstein(x, y, p=0.5)
    with pytest.raises(InvalidInputError, match=r"`directions` must have shape \(k, 2\)"):
        differentiable.sliced_wasserstein(x, y, directions=torch.ones(4, 3))
    with pytest.raises(InvalidInputError, match="`kernel` must be one of"):
        differentiable.maximum_mean_discrepancy(x, y, bandwidth=1.0, kernel="cauchy")
    with pytest.raises(InvalidInputError, match=r"`q` must have shape \(\.\.\., 2\)"):
        differentiable.wasserstein1_histogram(
            torch.ones(2), torch.ones(3), support=torch.arange(2.0)
        )


def test_a_plan_that_was_not_proven_gives_no_gradient():
    x, y, _, _ = clouds(19)
    with pytest.raises(ConvergenceError):
        differentiable.sinkhorn_divergence(x, y, epsilon=1e-3, max_iterations=1)


def test_infeasible_matrices_are_told():
    C = torch.full((2, 2), torch.inf)
    with pytest.raises(ConvergenceError, match="INFEASIBLE"):
        differentiable.transport_matrix_cost(C)
