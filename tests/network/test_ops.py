import math
from collections.abc import Callable

import numpy as np
import pytest

from pruner_gui.network import (
    ACTIVATIONS,
    Activation,
    Arithmetic,
    BatchNorm,
    Dense,
    FloatArray,
    ShapeMismatch,
)

X = np.array([[-3.0, -0.5, 0.0, 0.5, 3.0]])


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("linear", lambda x: x),
        ("relu", lambda x: max(x, 0)),
        ("leaky_relu", lambda x: x if x > 0 else 0.01 * x),
        ("elu", lambda x: x if x > 0 else math.exp(x) - 1),
        ("selu", lambda x: 1.0507009873554805 * (x if x > 0 else 1.6732632423543772 * (math.exp(x) - 1))),
        ("gelu", lambda x: 0.5 * x * (1 + math.erf(x / math.sqrt(2)))),
        ("gelu_tanh", lambda x: 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))),
        ("sigmoid", lambda x: 1 / (1 + math.exp(-x))),
        ("tanh", math.tanh),
        ("softplus", lambda x: math.log(1 + math.exp(x))),
        ("softsign", lambda x: x / (1 + abs(x))),
        ("hard_sigmoid", lambda x: min(max(0.2 * x + 0.5, 0), 1)),
        ("clip", lambda x: min(max(x, 0), 6)),
        ("thresholded_relu", lambda x: x if x > 1 else 0),
        ("swish", lambda x: x / (1 + math.exp(-x))),
        ("hard_swish", lambda x: x * min(max(x / 6 + 0.5, 0), 1)),
        ("mish", lambda x: x * math.tanh(math.log(1 + math.exp(x)))),
        ("exponential", math.exp),
        ("sin", math.sin),
        ("symmetric_log", lambda x: math.copysign(math.log(1 + abs(x)), x)),
        ("gaussian", lambda x: math.exp(-x * x / 2)),
        ("step", lambda x: 1 if x >= 0 else 0),
    ],
)
def test_activation_is_its_definition(kind: str, expected: Callable[[float], float]) -> None:
    assert Activation(kind).forward(X)[0] == pytest.approx([expected(x) for x in X[0]], rel=1e-12)


def test_softmax_rows_are_probabilities_and_log_softmax_their_logarithm() -> None:
    probabilities = Activation("softmax").forward(X)
    assert probabilities.sum() == pytest.approx(1)
    assert np.exp(Activation("log_softmax").forward(X)) == pytest.approx(probabilities)


@pytest.mark.parametrize("kind", [kind for kind in ACTIVATIONS if kind != "exponential"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_activations_stay_finite_and_keep_precision_at_extremes(kind: str, dtype: type) -> None:
    rows: FloatArray = np.array([[-1e4, 0, 1e4], [1e4, 1e4, -1e4]], dtype)
    with np.errstate(all="raise", under="ignore"):
        out = Activation(kind).forward(rows)
    assert out.dtype == dtype
    assert np.isfinite(out).all()


def test_competitive_lets_the_first_of_the_largest_win() -> None:
    rows = np.array([[1.0, 3.0, 2.0], [5.0, 5.0, -1.0]])
    assert Activation("competitive").forward(rows).tolist() == [[0, 1, 0], [1, 0, 0]]


def test_batch_norm_scales_deviations_from_the_mean() -> None:
    op = BatchNorm(np.array([2.0, 1.0]), np.array([0.5, 0.0]), np.array([3.0, -1.0]), np.array([4.0, 1.0]), 0)
    assert op.forward(np.array([[5.0, -1.0]])).tolist() == [[2.5, 0.0]]
    assert op.keep_in(0, np.array([1])).forward(np.array([[1.0]])) == 2.0


def test_batch_norm_refuses_constants_of_other_sizes() -> None:
    with pytest.raises(ShapeMismatch) as refusal:
        BatchNorm(np.ones(2), np.ones(3), np.ones(2), np.ones(2))
    assert (refusal.value.where, refusal.value.expected, refusal.value.found) == ("shift", 2, 3)


def test_gelu_is_exact_over_the_whole_range() -> None:
    x = np.linspace(-8, 8, 4001)[None]
    exact = [0.5 * v * (1 + math.erf(v / math.sqrt(2))) for v in x[0]]
    assert Activation("gelu").forward(x)[0] == pytest.approx(exact, abs=1e-14)


def test_parameters_of_a_dense_layer_cannot_be_written() -> None:
    weight = np.ones((2, 3))
    layer = Dense(weight, np.zeros(3))
    weight[0, 0] = 7
    assert layer.weight[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        layer.weight[0, 0] = 5


def test_dense_refuses_a_bias_of_another_size() -> None:
    with pytest.raises(ShapeMismatch) as refusal:
        Dense(np.ones((2, 3)), np.zeros(2))
    assert (refusal.value.expected, refusal.value.found) == (3, 2)


@pytest.mark.parametrize(("operator", "expected"), [("add", 5), ("sub", 1), ("mul", 6), ("div", 1.5)])
def test_arithmetic(operator: str, expected: float) -> None:
    assert Arithmetic(operator, np.array([2.0])).forward(np.array([[3.0]])) == expected
