"""How each activation is written: as one operator where the opset has it, spelt out in several where not.

onnxruntime has some functions in float32 only: in a float64 network they are spelt out, or stand between two
casts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from pruner_gui.formats.errors import NotExpressible
from pruner_gui.formats.onnx_builder import TYPES, Builder
from pruner_gui.network import Activation, Network

SINGLE_ONLY = frozenset({"leaky_relu", "elu", "selu", "gelu", "softplus", "softsign", "hard_sigmoid"})
GELU_OPSET = 20
HARD_SWISH_OPSET = 14
MISH_OPSET = 18
CLIP_INPUTS_OPSET = 11

OPERATORS = {
    "linear": "Identity",
    "relu": "Relu",
    "leaky_relu": "LeakyRelu",
    "elu": "Elu",
    "selu": "Selu",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "softplus": "Softplus",
    "softsign": "Softsign",
    "hard_sigmoid": "HardSigmoid",
    "exponential": "Exp",
    "sin": "Sin",
}
# The first opset that has the operators a function is written with.
_LOWEST = {"gelu": 9, "symmetric_log": 9, "step": 12, "thresholded_relu": 10}
_LOWEST_DOUBLE = {"clip": 12, "hard_swish": 12, "competitive": 11}


def lowest_opset(network: Network, dtype: str) -> int:
    """The first opset that this network's activations can be written in."""
    rows = _LOWEST | (_LOWEST_DOUBLE if dtype == "float64" else {})
    kinds = {node.op.kind for node in network.nodes if isinstance(node.op, Activation)}
    return max((rows.get(kind, 0) for kind in kinds), default=0)


def write(builder: Builder, name: str, activation: Activation, units: int, tensor: str) -> str:
    """Add the nodes of an activation of so many units; return the name of its output.

    Raises:
        NotExpressible: a ramp, or several winners.
    """
    kind, full = activation.kind, builder.dtype
    if kind not in WRITTEN or activation.settings.get("winners", 1) != 1:
        raise NotExpressible("onnx", name, "operation")
    dtype = "float32" if kind in SINGLE_ONLY else full
    step = _Step(builder, name, activation.settings, units, dtype)
    x = builder.cast(tensor, full, dtype)
    result = SPELT[kind](step, x) if kind in SPELT else step.last(OPERATORS[kind], x, **activation.settings)
    return builder.cast(result, dtype, full)


class _Step:
    """Writes the operators of one activation: their names begin with its own, the last one has it alone."""

    def __init__(
        self, builder: Builder, name: str, settings: dict[str, float], units: int, dtype: str
    ) -> None:
        self.settings = settings
        self.units = units
        self.opset = builder.opset
        self.dtype = dtype
        self._builder = builder
        self._name = name

    def node(self, operator: str, *inputs: str, **attributes: float | str) -> str:
        """Add an operator in between."""
        return self._builder.between(operator, inputs, f"{self._name}/{operator.lower()}", **attributes)

    def last(self, operator: str, *inputs: str, **attributes: float | str) -> str:
        """Add the operator whose output is the activation."""
        return self._builder.node(operator, inputs, self._name, **attributes)

    def number(self, value: float | Sequence[float], what: str, dtype: str | None = None) -> str:
        """Add a constant."""
        return self._builder.constant(f"{self._name}/{what}", value, dtype or self.dtype)

    def setting(self, what: str) -> str:
        """Add one of the activation's settings as a constant."""
        return self.number(self.settings[what], what)

    def spell_relu(self, tensor: str) -> None:
        """Make a Max of what a Relu put out: onnxruntime joins Relu and Clip, and fails on doubles there."""
        for node in self._builder.nodes:
            if node.op_type == "Relu" and node.output[0] == tensor:
                node.op_type = "Max"
                node.input.append(self.number(0, "zero"))

    @property
    def single(self) -> bool:
        """Whether this is written in float32, which all operators have."""
        return self.dtype == "float32"


def _gelu(step: _Step, x: str) -> str:
    if step.opset >= GELU_OPSET:
        return step.last("Gelu", x, approximate="none")
    inner = step.node("Erf", step.node("Div", x, step.number(math.sqrt(2), "root")))
    inner = step.node("Mul", x, step.node("Add", inner, step.number(1, "one")))
    return step.last("Mul", inner, step.number(0.5, "half"))


def _gelu_tanh(step: _Step, x: str) -> str:
    if step.opset >= GELU_OPSET and step.single:
        return step.last("Gelu", x, approximate="tanh")
    cube = step.node("Mul", step.node("Mul", x, x), x)
    inner = step.node("Add", x, step.node("Mul", cube, step.number(0.044715, "share")))
    inner = step.node("Tanh", step.node("Mul", inner, step.number(math.sqrt(2 / math.pi), "root")))
    inner = step.node("Mul", x, step.node("Add", inner, step.number(1, "one")))
    return step.last("Mul", inner, step.number(0.5, "half"))


def _clip(step: _Step, x: str) -> str:
    bounds = {"min": step.settings["low"], "max": step.settings["high"]}
    if step.opset < CLIP_INPUTS_OPSET:
        return step.last("Clip", x, **{name: bound for name, bound in bounds.items() if math.isfinite(bound)})
    inputs = [step.number(bound, name) if math.isfinite(bound) else "" for name, bound in bounds.items()]
    while inputs and not inputs[-1]:
        inputs.pop()
    if not step.single:
        step.spell_relu(x)
    return step.last("Clip", x, *inputs)


def _thresholded_relu(step: _Step, x: str) -> str:
    if step.single:
        return step.last("ThresholdedRelu", x, alpha=step.settings["theta"])
    return step.last("Where", step.node("Greater", x, step.setting("theta")), x, step.number(0, "zero"))


def _swish(step: _Step, x: str) -> str:
    return step.last("Mul", x, step.node("Sigmoid", x))


def _hard_swish(step: _Step, x: str) -> str:
    if step.single and step.opset >= HARD_SWISH_OPSET:
        return step.last("HardSwish", x)
    if step.single:
        return step.last("Mul", x, step.node("HardSigmoid", x, alpha=1 / 6, beta=0.5))
    inner = step.node("Add", step.node("Div", x, step.number(6, "six")), step.number(0.5, "half"))
    inner = step.node("Clip", inner, step.number(0, "zero"), step.number(1, "one"))
    return step.last("Mul", x, inner)


def _mish(step: _Step, x: str) -> str:
    if step.single and step.opset >= MISH_OPSET:
        return step.last("Mish", x)
    if step.single:
        inner = step.node("Softplus", x)
    else:
        inner = step.node("Log", step.node("Add", step.node("Exp", x), step.number(1, "one")))
    return step.last("Mul", x, step.node("Tanh", inner))


def _symmetric_log(step: _Step, x: str) -> str:
    size = step.node("Log", step.node("Add", step.node("Abs", x), step.number(1, "one")))
    return step.last("Mul", step.node("Sign", x), size)


def _gaussian(step: _Step, x: str) -> str:
    x = step.node("Div", step.node("Sub", x, step.setting("centre")), step.setting("width"))
    x = step.node("Exp", step.node("Mul", step.node("Mul", x, x), step.number(-0.5, "half")))
    return step.last("Mul", x, step.setting("peak"))


def _step(step: _Step, x: str) -> str:
    above = step.node("GreaterOrEqual", x, step.setting("centre"))
    return step.last("Where", above, step.setting("high"), step.setting("low"))


def _competitive(step: _Step, x: str) -> str:
    if step.single:
        return step.last("Hardmax", x, axis=1)
    winner = step.node("ArgMax", x, axis=1, keepdims=0)
    size = step.number(step.units, "depth", "int64")
    levels = step.number([0.0, 1.0], "levels", "float32")
    return step.last("Cast", step.node("OneHot", winner, size, levels), to=TYPES[step.dtype])


SPELT: dict[str, Callable[[_Step, str], str]] = {
    "softmax": lambda step, x: step.last("Softmax", x, axis=1),
    "log_softmax": lambda step, x: step.last("LogSoftmax", x, axis=1),
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "clip": _clip,
    "thresholded_relu": _thresholded_relu,
    "swish": _swish,
    "hard_swish": _hard_swish,
    "mish": _mish,
    "symmetric_log": _symmetric_log,
    "gaussian": _gaussian,
    "step": _step,
    "competitive": _competitive,
}
WRITTEN = OPERATORS.keys() | SPELT.keys()
