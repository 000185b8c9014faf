"""Decode a PMML file without trusting it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import defusedxml.ElementTree
import numpy as np
from defusedxml import DefusedXmlException

from pruner_gui import limits
from pruner_gui.formats.bounds import hold
from pruner_gui.formats.errors import NotAModel
from pruner_gui.formats.pmml_names import Column, Step
from pruner_gui.network import Activation, Arithmetic, FloatArray, Op

MAX_BYTES = (1 << 31) - 1
MAX_ELEMENTS = 1 << 26
MAX_LEVELS = 64
MAX_CHARACTERS = 1 << 24  # of one text
_LEFT_OUT = frozenset(
    {"Extension", "Header", "ModelStats", "ModelExplanation", "ModelVerification", "Output"}
)  # no part of what a network computes

INVERSE = {"sub": "add", "add": "sub", "mul": "div", "div": "mul"}
_NEUTRAL = {"sub": 0.0, "add": 0.0, "mul": 1.0, "div": 1.0}


@dataclass(frozen=True)
class Neuron:
    """A neuron as it is in the file: where its connections come from, with their weights, and its bias."""

    id: str
    bias: float
    sources: tuple[str, ...]
    weights: FloatArray


@dataclass(frozen=True)
class Layer:
    """A NeuralLayer: its attributes and its neurons."""

    attributes: Mapping[str, str]
    neurons: Sequence[Neuron]


@dataclass(frozen=True)
class Document:
    """A file: what is not neurons as elements without namespaces, and the layers."""

    root: Element
    layers: Sequence[Layer]


def decode(path: Path) -> Document:
    """Return what is in a file; only that it is XML, and no more than there may be, has been checked.

    Raises:
        OSError, NotAModel, TooLarge.
    """
    size = path.stat().st_size
    if not size:
        raise NotAModel(path, "pmml", "empty")
    hold(path, "file", size, MAX_BYTES)
    try:
        with path.open("rb") as file:
            return _document(path, defusedxml.ElementTree.iterparse(file, ("start", "end"), forbid_dtd=True))
    except DefusedXmlException as error:
        raise NotAModel(path, "pmml", "invalid", str(error)) from error
    except (ParseError, ValueError, LookupError, AssertionError) as error:
        raise NotAModel(path, "pmml", "damaged", str(error)) from error


def _document(path: Path, events: Iterator[tuple[str, Element]]) -> Document:
    """Build the document, and let go of every element that is done with."""
    elements = 0
    open_: list[Element] = []
    layers: list[Layer] = []
    neurons: list[Neuron] = []
    root = None
    most, deepest = limits.scaled(MAX_ELEMENTS), limits.scaled(MAX_LEVELS)
    for event, element in events:
        if event == "start":
            elements += 1
            element.tag = element.tag.rpartition("}")[2]
            root = element if root is None else root
            open_.append(element)
            if elements > most or len(open_) > deepest:
                hold(path, "parts", elements, MAX_ELEMENTS)
                hold(path, "levels", len(open_), MAX_LEVELS)
            continue
        open_.pop()
        if element.text is not None and len(element.text) > MAX_CHARACTERS:
            hold(path, "characters", len(element.text), MAX_CHARACTERS)
        if not open_:
            continue
        parent = open_[-1]
        if element.tag == "Neuron" and parent.tag == "NeuralLayer":
            neurons.append(_neuron(path, element))
        elif element.tag == "NeuralLayer":
            if len(open_) == 2:
                layers.append(Layer(dict(element.attrib), neurons))
            neurons = []
        elif element.tag not in _LEFT_OUT and parent.tag not in _LEFT_OUT:
            continue
        parent.remove(element)  # the parser is ahead of its events: it need not be the last
    if root is None:
        raise NotAModel(path, "pmml", "damaged", "no element")
    return Document(root, layers)


def _neuron(path: Path, element: Element) -> Neuron:
    connections = [child for child in element if child.tag == "Con"]
    sources = tuple(attribute(path, child, "from") for child in connections)
    weights = np.array([number(path, child, "weight") for child in connections], np.float64)
    return Neuron(attribute(path, element, "id"), number(path, element, "bias", 0.0), sources, weights)


def attribute(path: Path, element: Element, name: str) -> str:
    """Return an attribute that must be there.

    Raises:
        NotAModel
    """
    text = element.get(name)
    if text is None:
        raise NotAModel(path, "pmml", "invalid", f"{element.tag} without {name}")
    return text


def number(path: Path, element: Element, name: str, default: float | None = None) -> float:
    """Return an attribute that is a number; it must be there when there is no default.

    Raises:
        NotAModel
    """
    if default is not None and element.get(name) is None:
        return default
    return as_number(path, f"{name} of {element.tag}", attribute(path, element, name))


def as_number(path: Path, what: str, text: str) -> float:
    """Return the number in a text.

    Raises:
        NotAModel
    """
    try:
        if "_" in text:  # Python's own way to write thousands
            raise ValueError
        return float(text)
    except ValueError:
        raise NotAModel(path, "pmml", "invalid", f"{what} is {text!r}") from None


# -- columns as operations


class Unaligned(Exception):
    """Columns that no common row of operations does; `column` is the first of them."""

    def __init__(self, column: int) -> None:
        self.column = column


def to_target(column: Column) -> tuple[Step, ...]:
    """Return the steps from an output neuron to the target.

    Raises:
        KeyError: a clip cannot be undone.
    """
    factor, constant = column.rescale
    undone = tuple((INVERSE[operator], value, 0.0) for operator, value, _ in reversed(column.steps))
    return (*undone, ("mul", factor, 0.0), ("add", constant, 0.0))


def operations(columns: Sequence[Sequence[Step]], dtype: type[np.floating[Any]]) -> list[Op]:
    """Return the operations on all columns at once that do the steps of each, in a precision.

    Steps that only some columns have do nothing in the others.

    Raises:
        Unaligned: their order differs, and some are clipped.
    """
    pattern = max(columns, key=len)
    rows = [_filled(steps, pattern) for steps in columns]
    if any(row is None for row in rows):
        clipped = [i for i, steps in enumerate(columns) if any(step[0] == "clip" for step in steps)]
        if clipped:
            raise Unaligned(clipped[0])
        rows = [list(affine(steps)) for steps in columns]
    ops = [_operation(column, dtype) for column in zip(*(row or () for row in rows), strict=True)]
    return [op for op in ops if op is not None]


def _filled(steps: Sequence[Step], pattern: Sequence[Step]) -> list[Step] | None:
    """The steps, with those of the pattern that are missing added to no effect; None if they do not fit."""
    left = list(steps)
    filled: list[Step] = []
    for step in pattern:
        if left and left[0][0] == step[0] and (step[0] != "clip" or left[0] == step):
            filled.append(left.pop(0))
        elif step[0] == "clip":
            return None
        else:
            filled.append((step[0], _NEUTRAL[step[0]], 0.0))
    return None if left else filled


def affine(steps: Sequence[Step]) -> tuple[Step, Step]:
    """Return the multiplication and the addition that steps without a clip come to."""
    factor, offset = 1.0, 0.0
    for operator, constant, _ in steps:
        match operator:
            case "add":
                offset += constant
            case "sub":
                offset -= constant
            case "mul":
                factor, offset = factor * constant, offset * constant
            case "div":
                factor, offset = factor / constant, offset / constant
    return ("mul", factor, 0.0), ("add", offset, 0.0)


def _operation(steps: Sequence[Step], dtype: type[np.floating[Any]]) -> Op | None:
    """One operation on all columns, None where it changes nothing."""
    operator, low, high = steps[0]
    if operator == "clip":
        return Activation("clip", {"low": low, "high": high})
    constants = np.array([constant for _, constant, _ in steps], dtype)
    return None if (constants == _NEUTRAL[operator]).all() else Arithmetic(operator, constants)


def steps_of(ops: Sequence[Op], column: int) -> tuple[Step, ...]:
    """Return the steps that operations do in one column; those to no effect are left out."""
    steps: list[Step] = []
    for op in ops:
        match op:
            case Arithmetic(operator=operator, operand=operand):
                constant = float(operand[column])
                if constant != _NEUTRAL[operator]:
                    steps.append((operator, constant, 0.0))
            case Activation(settings=settings):
                steps.append(("clip", settings["low"], settings["high"]))
    return tuple(steps)


def same(one: Sequence[Op], other: Sequence[Op]) -> bool:
    """Whether two rows of such operations do the same."""
    return len(one) == len(other) and all(_same(*pair) for pair in zip(one, other, strict=True))


def _same(one: Op, other: Op) -> bool:
    match one, other:
        case Arithmetic(), Arithmetic():
            return one.operator == other.operator and np.array_equal(one.operand, other.operand)
        case Activation(), Activation():
            return one.kind == other.kind and one.settings == other.settings
        case _:
            return False
