"""Mutations of JSON and XML: values change places with others of the same file, or with what none expects."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any
from xml.etree import ElementTree

from mutate_plain import NUMBERS, TEXTS, Random, of_bytes, one_of

_WORDS = """
relu softmax Dense Add Concatenate Activation BatchNormalization Normalization Rescaling Flatten
Reshape Dropout LeakyReLU ReLU Softmax float64 F16 BF16 sigmoid logistic identity
""".split()  # noqa: SIM905


def of_json(content: bytes, rng: Random) -> bytes:
    """Change a value somewhere in the tree."""
    try:
        tree = json.loads(content)
    except (ValueError, RecursionError):
        return of_bytes(content, rng)
    return json.dumps(_tree(tree, rng, list(_texts(tree)))).encode()


def _texts(tree: Any) -> Iterator[str]:
    """All texts and keys, to be put elsewhere."""
    todo = [tree]
    while todo:
        match todo.pop():
            case dict() as fields:
                yield from fields
                todo += fields.values()
            case list() as items:
                todo += items
            case str() as text:
                yield text


def _tree(node: Any, rng: Random, pool: Sequence[str]) -> Any:
    if isinstance(node, dict) and node and rng.random() < 0.9:
        key = list(node)[int(rng.integers(0, len(node)))]
        if rng.random() < 0.1:
            return {name: value for name, value in node.items() if name != key}
        return {**node, key: _tree(node[key], rng, pool)}
    if isinstance(node, list) and node and rng.random() < 0.9:
        at = int(rng.integers(0, len(node)))
        if rng.random() < 0.15:
            return node[:at] + node[at + 1 :]
        if rng.random() < 0.15:
            return [*node, node[at]]
        return [*node[:at], _tree(node[at], rng, pool), *node[at + 1 :]]
    if isinstance(node, str) and pool and rng.random() < 0.6:
        return one_of((*pool, *_WORDS), rng)
    if isinstance(node, int) and rng.random() < 0.5:
        return node + int(rng.integers(-2, 3))
    return _leaf(rng)


def _leaf(rng: Random) -> Any:
    match int(rng.integers(0, 7)):
        case 0:
            return None
        case 1:
            return int(one_of(NUMBERS, rng))
        case 2:
            return one_of(TEXTS, rng)
        case 3:
            return float(rng.choice([0.5, -1.5, 1e308]))
        case 4:
            return [[]] if rng.random() < 0.5 else {}
        case 5:
            nested: Any = []
            for _ in range(int(rng.integers(1, 200))):
                nested = [nested]
            return nested
        case _:
            return bool(rng.integers(0, 2))


def of_xml(content: bytes, rng: Random) -> bytes:
    """Change an element, an attribute or a text."""
    try:
        root = ElementTree.fromstring(content)
    except (ElementTree.ParseError, ValueError, LookupError):
        return of_bytes(content, rng)
    elements = list(root.iter())
    one = one_of(elements, rng)
    match int(rng.integers(0, 7)):
        case 5:
            one.tag = one_of(elements, rng).tag
        case 6 if one.attrib:
            values = [value for element in elements for value in element.attrib.values()]
            one.set(one_of(list(one.attrib), rng), one_of((*values, *_WORDS), rng))
        case 0 if len(one):
            one.remove(one_of(list(one), rng))
        case 1 if len(one):
            one.append(one_of(list(one), rng))
        case 2 if one.attrib:
            name = list(one.attrib)[int(rng.integers(0, len(one.attrib)))]
            text = one_of(TEXTS, rng)
            one.set(name, text.replace("\0", "") if rng.random() < 0.5 else str(_leaf(rng)).replace("\0", ""))
        case 3 if one.attrib:
            del one.attrib[list(one.attrib)[int(rng.integers(0, len(one.attrib)))]]
        case _:
            one.text = str(one_of(NUMBERS, rng))
    return ElementTree.tostring(root)
