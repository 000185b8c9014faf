"""From a scikit-learn estimator to a network, and back.

What the network does not show (class labels, column names, training parameters, the steps of the pipeline)
stays in the estimator, which travels in the origin with its weights taken out.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import skops.io
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import LabelBinarizer, MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from pruner_gui.formats.errors import NotExpressible, UnsupportedOp
from pruner_gui.network import (
    Activation,
    Arithmetic,
    Dense,
    FloatArray,
    Input,
    MalformedGraph,
    Network,
    Node,
    Op,
    Origin,
    ShapeMismatch,
)

_HIDDEN = {"identity": "linear", "logistic": "sigmoid", "tanh": "tanh", "relu": "relu"}
_OUTPUT = {**_HIDDEN, "softmax": "softmax", "exp": "exponential"}
_TRAINING = ("_optimizer", "_best_coefs", "_best_intercepts", "_coef_grads", "_intercept_grads")


class Malformed(Exception):
    """An estimator whose fitted state is not what its class makes."""


def to_network(path: Path, estimator: Any) -> Network:
    """Return the network of a perceptron, alone or behind scalers.

    Raises:
        UnsupportedOp: a step that is neither scaler nor perceptron, by its name.
        Malformed: not fitted, or not as fitting leaves it.
    """
    try:
        steps = list(_steps(estimator, ""))
        _check_steps(path, steps)
        for _, step in steps:
            _complete(step)
        return _network(steps, estimator)
    except (AttributeError, TypeError, ValueError, KeyError, IndexError, RecursionError) as error:
        raise Malformed(str(error) or type(error).__name__) from error
    except (ShapeMismatch, MalformedGraph) as error:
        raise Malformed(str(error)) from error


def to_estimator(network: Network) -> Any:
    """Return a fitted estimator that predicts what the network puts out.

    Raises:
        NotExpressible
    """
    parts = _parts(network)
    stored = network.origin.extra.get("estimator")
    estimator = None if stored is None else skops.io.loads(stored, trusted=[])
    if estimator is None or not _fits(estimator, parts):
        estimator = _new(network, parts)
    perceptron = _last(estimator)
    sizes = [int(dense.bias.size) for dense, _ in parts.layers]
    kinds = {kind for _, kind in parts.layers[:-1]}
    if kinds:
        perceptron.activation = _word(_HIDDEN, kinds.pop())
    perceptron.hidden_layer_sizes = tuple(sizes[:-1])
    perceptron.coefs_ = [np.array(dense.weight) for dense, _ in parts.layers]
    perceptron.intercepts_ = [np.array(dense.bias) for dense, _ in parts.layers]
    perceptron.n_layers_ = len(sizes) + 1
    perceptron.n_outputs_ = sizes[-1]
    perceptron.out_activation_ = _word(_OUTPUT, parts.layers[-1][1])
    return estimator


def predict(estimator: Any, rows: FloatArray) -> FloatArray:
    """Return the network's outputs `(n_samples, n_outputs)`, as scikit-learn computes them."""
    perceptron = _last(estimator)
    if not isinstance(perceptron, MLPClassifier):
        return np.asarray(estimator.predict(rows)).reshape(len(rows), -1)
    probabilities: FloatArray = estimator.predict_proba(rows)
    return probabilities[:, 1:] if perceptron.n_outputs_ == 1 else probabilities


# -- reading


def _steps(estimator: Any, name: str) -> Iterator[tuple[str, Any]]:
    """The steps of pipelines within pipelines, one after another; those that do nothing are left out."""
    if type(estimator) is Pipeline:
        for step, inner in estimator.steps:
            yield from _steps(inner, f"{name}.{step}" if name else str(step))
    elif estimator is not None and not (isinstance(estimator, str) and estimator == "passthrough"):
        yield name or type(estimator).__name__, estimator


def _check_steps(path: Path, steps: Sequence[tuple[str, Any]]) -> None:
    for i, (name, step) in enumerate(steps):
        known = (MLPClassifier, MLPRegressor) if i + 1 == len(steps) else tuple(_SCALERS)
        if type(step) not in known:
            raise UnsupportedOp(path, name, type(step).__name__, "step")
    if not steps:
        raise Malformed("a pipeline without steps")


def _complete(step: Any) -> None:
    """Give an estimator of an older version the parameters that have come since."""
    for name, value in type(step)().get_params(deep=False).items():
        if name not in vars(step):
            setattr(step, name, value)


def _standard(step: Any) -> Iterator[Op]:
    if step.with_mean:
        yield Arithmetic("sub", step.mean_)
    if step.with_std:
        yield Arithmetic("div", step.scale_)


def _robust(step: Any) -> Iterator[Op]:
    if step.with_centering:
        yield Arithmetic("sub", step.center_)
    if step.with_scaling:
        yield Arithmetic("div", step.scale_)


def _min_max(step: Any) -> Iterator[Op]:
    yield Arithmetic("mul", step.scale_)
    yield Arithmetic("add", step.min_)
    if step.clip:
        low, high = step.feature_range
        yield Activation("clip", {"low": float(low), "high": float(high)})


def _max_abs(step: Any) -> Iterator[Op]:
    yield Arithmetic("div", step.scale_)
    if getattr(step, "clip", False):
        yield Activation("clip", {"low": -1.0, "high": 1.0})


_SCALERS = {
    StandardScaler: _standard,
    RobustScaler: _robust,
    MinMaxScaler: _min_max,
    MaxAbsScaler: _max_abs,
}

_NEUTRAL = {"sub": 0, "add": 0, "mul": 1, "div": 1}


def _scaling(steps: Sequence[tuple[str, Any]]) -> Iterator[tuple[str, Op]]:
    """The operations of scalers, each with its name."""
    for name, step in steps:
        for op in _SCALERS[type(step)](step):
            if isinstance(op, Arithmetic) and (op.operand == _NEUTRAL[op.operator]).all():
                continue
            yield f"{name}.{op.operator if isinstance(op, Arithmetic) else 'clip'}", op


def _network(steps: Sequence[tuple[str, Any]], estimator: Any) -> Network:
    perceptron = steps[-1][1]
    weights = [_floats(values, 2) for values in perceptron.coefs_]
    biases = [_floats(values, 1) for values in perceptron.intercepts_]
    if perceptron.n_outputs_ != biases[-1].size:
        raise Malformed("another number of outputs than the last layer has")
    kinds = [_HIDDEN[perceptron.activation]] * (len(weights) - 1) + [_OUTPUT[perceptron.out_activation_]]
    nodes = [Node("input", Input(weights[0].shape[0]))]
    for name, op in _scaling(steps[:-1]):
        nodes.append(Node(name, op, (nodes[-1].name,)))
    for i, (weight, bias, kind) in enumerate(zip(weights, biases, kinds, strict=True), 1):
        name = f"dense_{i}"
        nodes.append(Node(name, Dense(weight, bias), (nodes[-1].name,)))
        if kind != "linear":
            nodes.append(Node(f"{name}.{kind}", Activation(kind), (name,)))
    dtype = np.result_type(*(tensor for node in nodes for tensor in node.op.tensors().values())).name
    names = getattr(steps[0][1], "feature_names_in_", ())
    extra = {
        "estimator": skops.io.dumps(_without_weights(estimator)),
        "classes": _classes(perceptron),
        "feature_names": tuple(str(name) for name in names),
    }
    return Network(
        tuple(nodes), (nodes[-1].name,), Origin("skops", dtype=dtype, extra=MappingProxyType(extra))
    )


def _floats(values: object, dimensions: int) -> FloatArray:
    if not isinstance(values, np.ndarray) or values.dtype.kind != "f" or values.ndim != dimensions:
        raise Malformed("weights that are no arrays of floats")
    return values


def _classes(perceptron: Any) -> tuple[object, ...]:
    """The labels of a classifier of one class a row, () for any other perceptron."""
    if type(perceptron) is not MLPClassifier:
        return ()
    single = perceptron._label_binarizer.y_type_ in ("binary", "multiclass")
    return tuple(np.asarray(perceptron.classes_).tolist()) if single else ()


def _without_weights(estimator: Any) -> Any:
    estimator = copy.deepcopy(estimator)
    perceptron = _last(estimator)
    perceptron.coefs_, perceptron.intercepts_ = [], []
    for name in _TRAINING:  # of the shapes that were trained
        vars(perceptron).pop(name, None)
    return estimator


def _last(estimator: Any) -> Any:
    """The perceptron at the end of a pipeline."""
    return list(_steps(estimator, ""))[-1][1]


# -- writing


class _Parts(NamedTuple):
    """A chain: the operations in front, and every dense layer with the activation behind it."""

    front: list[Op]
    layers: list[tuple[Dense, str]]


def _parts(network: Network) -> _Parts:
    parts = _Parts([], [])
    previous = network.nodes[0]
    for node in network.nodes[1:]:
        if node.inputs != (previous.name,):
            raise NotExpressible("skops", node.name, "chain")
        match node.op:
            case Dense() as dense:
                parts.layers.append((dense, "linear"))
            case Activation(kind="clip") | Arithmetic() if not parts.layers:
                parts.front.append(node.op)
            case Activation(kind=kind) if isinstance(previous.op, Dense) and kind in _OUTPUT.values():
                parts.layers[-1] = (parts.layers[-1][0], kind)
            case _:
                raise NotExpressible("skops", node.name, "operation")
        previous = node
    if not parts.layers or network.outputs != (previous.name,):
        raise NotExpressible("skops", network.outputs[0], "chain")
    _check_hidden(network, parts)
    return parts


def _check_hidden(network: Network, parts: _Parts) -> None:
    """See that all hidden layers have the same activation, as scikit-learn's have."""
    for (node, _), (_, kind) in zip(network.dense[:-1], parts.layers[:-1], strict=True):
        if kind not in _HIDDEN.values():
            raise NotExpressible("skops", node.name, "operation")
        if kind != parts.layers[0][1]:
            raise NotExpressible("skops", node.name, "activations")


def _word(words: dict[str, str], kind: str) -> str:
    return next(word for word, known in words.items() if known == kind)


def _fits(estimator: Any, parts: _Parts) -> bool:
    """Whether the estimator that came in has the same scalers and the same outputs."""
    *scalers, (_, perceptron) = _steps(estimator, "")
    front = [op for _, op in _scaling(scalers)]
    dense, kind = parts.layers[-1]
    return (
        len(front) == len(parts.front)
        and all(map(_same, front, parts.front))
        and perceptron.n_outputs_ == dense.bias.size
        and _OUTPUT[perceptron.out_activation_] == kind
    )


def _same(one: Op, other: Op) -> bool:
    match one, other:
        case Arithmetic(), Arithmetic():
            return one.operator == other.operator and np.array_equal(one.operand, other.operand)
        case Activation(), Activation():
            return one.settings == other.settings
        case _:
            return False


def _new(network: Network, parts: _Parts) -> Any:
    dense, kind = parts.layers[-1]
    outputs = int(dense.bias.size)
    n_classes = {("softmax", True): outputs, ("sigmoid", False): 2}.get((kind, outputs > 1))
    perceptron = MLPClassifier() if n_classes else MLPRegressor()
    if n_classes:
        labels = network.origin.extra.get("classes", ())
        _label(perceptron, np.array(labels if len(labels) == n_classes else range(n_classes)))
    state = {"n_features_in_": network.n_inputs, "n_outputs_": outputs, "n_iter_": 0, "t_": 0}
    vars(perceptron).update(state)
    scalers = _new_scalers(parts.front, network.n_inputs)
    if not scalers:
        return perceptron
    names = (f"scaler_{i}" for i in itertools.count(1))
    return Pipeline([*zip(names, scalers, strict=False), ("perceptron", perceptron)])


def _label(perceptron: MLPClassifier, classes: npt.NDArray[Any]) -> None:
    """Give a classifier its classes, in the order of its outputs."""
    binarizer = LabelBinarizer()
    binarizer.classes_ = perceptron.classes_ = classes
    binarizer.y_type_ = "binary" if len(classes) == 2 else "multiclass"
    binarizer.sparse_input_ = False
    perceptron._label_binarizer = binarizer


def _new_scalers(front: Sequence[Op], width: int) -> list[Any]:
    """Scalers that do these operations, two or three of them in one where they go together."""
    scalers: list[Any] = []
    for op in front:
        last: Any = scalers[-1] if scalers else None
        match op:
            case Arithmetic(operator="sub"):
                scalers.append(_new_standard(width, mean_=np.array(op.operand), with_mean=True))
            case Arithmetic(operator="div"):
                if type(last) is not StandardScaler or last.with_std:
                    scalers.append(last := _new_standard(width))
                last.scale_, last.var_, last.with_std = np.array(op.operand), op.operand**2, True
            case Arithmetic(operator="mul"):
                scalers.append(_new_min_max(width, scale_=np.array(op.operand)))
            case Arithmetic():
                if type(last) is not MinMaxScaler or last.clip or last.min_.any():
                    scalers.append(last := _new_min_max(width))
                last.min_ = np.array(op.operand)
            case Activation(settings=settings):
                if type(last) is not MinMaxScaler or last.clip:
                    scalers.append(last := _new_min_max(width))
                last.feature_range, last.clip = (settings["low"], settings["high"]), True
    return scalers


def _new_standard(width: int, **state: Any) -> Any:
    scaler = StandardScaler(with_mean=False, with_std=False)
    vars(scaler).update(
        mean_=np.zeros(width), var_=None, scale_=None, n_samples_seen_=0, n_features_in_=width
    )
    vars(scaler).update(state)
    return scaler


def _new_min_max(width: int, **state: Any) -> Any:
    scaler = MinMaxScaler()
    vars(scaler).update(scale_=np.ones(width), min_=np.zeros(width), n_samples_seen_=0, n_features_in_=width)
    vars(scaler).update(state)
    return scaler
