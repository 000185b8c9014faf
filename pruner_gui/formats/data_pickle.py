"""Pickles read as data: nothing is imported and nothing is called.

A pickle is a program for a small stack machine. This one walks through its opcodes and builds plain values
only: numbers, text, tuples, lists and dictionaries with text as keys. A class or function is a `Global`, a
name and no more. What a pickle would call or make stands as `Opaque`, except for the few calls that the
caller gives a meaning to. Work and memory are bounded by the number of opcodes: none of them costs more than
it took to put its operands on the stack, no two values are joined to a longer one, and nothing recurses.
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from pruner_gui import limits

MAX_OPS = 3_000_000


class Global(NamedTuple):
    """The name of a class or function."""

    module: str
    name: str


@dataclass(frozen=True, eq=False)
class Opaque:
    """Something that is no plain data: an object of the class, or a result of the function, `kind`."""

    kind: Global


class NotPlain(ValueError):
    """The pickle is damaged."""


class TooLong(NotPlain):
    """The pickle has more opcodes than are read: more than `limit`."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"more than {limit} opcodes")
        self.limit = limit


Calls = Mapping[Global, Callable[[tuple[object, ...]], object]]
Persistent = Callable[[object], object]


def read(stream: io.BytesIO, calls: Calls, persistent: Persistent) -> object:
    """Return the value of the pickle that begins where the stream stands, and leave the stream behind it.

    `calls` gives meaning to functions, by name; `persistent` to the references of a pickle to what is kept
    outside of it.

    Raises:
        NotPlain, TooLong, and what `calls` and `persistent` raise.
    """
    machine, most = _Machine(calls, persistent), limits.scaled(MAX_OPS)
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
            if count == most:
                raise TooLong(most)
            if opcode.name in _PUSHES:
                machine.stack.append(argument)
            elif opcode.name not in _IGNORED:
                _DO[opcode.name](machine, argument)
        return machine.stack.pop()
    except (ValueError, KeyError, IndexError, TypeError, OverflowError) as error:
        raise error if isinstance(error, NotPlain) else NotPlain(str(error)[:200]) from error


_NUMBERS = frozenset({"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"})
_TEXTS = frozenset({"UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"})
_BYTES = frozenset({"STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"})
_PUSHES = _NUMBERS | _TEXTS | _BYTES | {"BYTEARRAY8"}
_IGNORED = frozenset({"PROTO", "FRAME", "STOP"})
_SET = Opaque(Global("builtins", "set"))


class _Machine:
    """The stack and the memo of one pickle."""

    def __init__(self, calls: Calls, persistent: Persistent) -> None:
        self.stack: list[object] = []
        self.marks: list[int] = []  # heights of the stack
        self.memo: dict[int, object] = {}
        self._calls, self._persistent = calls, persistent

    def push(self, value: object) -> None:
        self.stack.append(value)

    def take(self, count: int) -> list[object]:
        """Pop so many items, deepest first."""
        if len(self.stack) < count:
            raise NotPlain("stack underflow")
        items = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return items

    def take_marked(self) -> list[object]:
        """Pop everything above the last mark, and the mark."""
        return self.take(max(0, len(self.stack) - self.marks.pop()))

    def pop(self) -> None:
        if self.marks and self.marks[-1] == len(self.stack):
            self.marks.pop()
        else:
            self.stack.pop()

    def append(self, items: list[object]) -> None:
        if isinstance(target := self.stack[-1], list):
            target.extend(items)

    def set_items(self, items: list[object]) -> None:
        """Fill a dictionary; entries under anything but text are left out (a hash may cost without end)."""
        if isinstance(target := self.stack[-1], dict):
            target.update(_dictionary(items))

    def call(self, function: object, arguments: object) -> None:
        if isinstance(function, Global) and isinstance(arguments, tuple) and function in self._calls:
            self.push(self._calls[function](arguments))
        else:
            self.push(Opaque(function if isinstance(function, Global) else Global("", "")))

    def global_of_stack(self) -> None:
        module, name = self.take(2)
        if not isinstance(module, str) or not isinstance(name, str):
            raise NotPlain("a name that is no text")
        self.push(Global(module, name))

    def refer(self, reference: object) -> None:
        self.push(self._persistent(reference))

    def opaque_set(self) -> None:
        self.take_marked()
        self.push(_SET)

    def instance(self, argument: object) -> None:
        self.take_marked()
        self.push(Opaque(_global(argument)))

    def marked_object(self) -> None:
        kind = self.take_marked()[0]
        self.call(kind, None)


def _dictionary(items: list[object]) -> dict[str, object]:
    keys, values = items[::2], items[1::2]
    return {key: value for key, value in zip(keys, values, strict=True) if isinstance(key, str)}


def _global(argument: object) -> Global:
    module, _, name = str(argument).partition(" ")
    return Global(module, name)


def _index(argument: object) -> int:
    if not isinstance(argument, int):
        raise NotPlain("no index")
    return argument


_Do = Callable[[_Machine, object], object]  # what it returns means nothing


def _remember(machine: _Machine, argument: object) -> None:
    machine.memo[_index(argument)] = machine.stack[-1]


def _recall(machine: _Machine, argument: object) -> None:
    machine.push(machine.memo[_index(argument)])


_DO: Mapping[str, _Do] = {
    "MARK": lambda m, _: m.marks.append(len(m.stack)),
    "POP": lambda m, _: m.pop(),
    "POP_MARK": lambda m, _: m.take_marked(),
    "DUP": lambda m, _: m.push(m.stack[-1]),
    "NONE": lambda m, _: m.push(None),
    "NEWTRUE": lambda m, _: m.push(True),
    "NEWFALSE": lambda m, _: m.push(False),
    "EMPTY_TUPLE": lambda m, _: m.push(()),
    "TUPLE": lambda m, _: m.push(tuple(m.take_marked())),
    "TUPLE1": lambda m, _: m.push(tuple(m.take(1))),
    "TUPLE2": lambda m, _: m.push(tuple(m.take(2))),
    "TUPLE3": lambda m, _: m.push(tuple(m.take(3))),
    "EMPTY_LIST": lambda m, _: m.push([]),
    "LIST": lambda m, _: m.push(m.take_marked()),
    "APPEND": lambda m, _: m.append(m.take(1)),
    "APPENDS": lambda m, _: m.append(m.take_marked()),
    "EMPTY_DICT": lambda m, _: m.push({}),
    "DICT": lambda m, _: m.push(_dictionary(m.take_marked())),
    "SETITEM": lambda m, _: m.set_items(m.take(2)),
    "SETITEMS": lambda m, _: m.set_items(m.take_marked()),
    "EMPTY_SET": lambda m, _: m.push(_SET),
    "FROZENSET": lambda m, _: m.opaque_set(),
    "ADDITEMS": lambda m, _: m.take_marked(),
    "PUT": _remember,
    "BINPUT": _remember,
    "LONG_BINPUT": _remember,
    "MEMOIZE": lambda m, _: _remember(m, len(m.memo)),
    "GET": _recall,
    "BINGET": _recall,
    "LONG_BINGET": _recall,
    "GLOBAL": lambda m, argument: m.push(_global(argument)),
    "STACK_GLOBAL": lambda m, _: m.global_of_stack(),
    "REDUCE": lambda m, _: m.call(*m.take(2)),
    "BUILD": lambda m, _: m.take(1),  # the state of an object that is none here
    "INST": lambda m, argument: m.instance(argument),
    "OBJ": lambda m, _: m.marked_object(),
    "NEWOBJ": lambda m, _: m.call(*m.take(2)),
    "NEWOBJ_EX": lambda m, _: m.call(m.take(3)[0], None),
    "PERSID": lambda m, argument: m.refer(argument),
    "BINPERSID": lambda m, _: m.refer(m.take(1)[0]),
    "EXT1": lambda m, _: m.push(_SET),
}
