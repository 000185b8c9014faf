import importlib
import pkgutil
import string

import pytest

import pruner_gui
from pruner_gui import wording
from pruner_gui.errors import PrunerError
from pruner_gui.evaluation import METRICS


def refusals() -> set[type[PrunerError]]:
    """Every error that the lower layers define."""
    for module in pkgutil.walk_packages(pruner_gui.__path__, "pruner_gui."):
        if not module.name.startswith(("pruner_gui.gui", "pruner_gui.__main__")):
            importlib.import_module(module.name)
    found, todo = set(), [PrunerError]
    while todo:
        kind = todo.pop()
        todo += kind.__subclasses__()
        found.add(kind)
    return found - {PrunerError}


def test_every_refusal_has_its_sentences() -> None:
    assert {kind.__name__ for kind in refusals()} == {kind.__name__ for kind, _ in wording.PROBLEMS}


def test_sentences_name_only_facts_that_the_refusal_has() -> None:
    for (kind, _), sentences in wording.PROBLEMS.items():
        for sentence in sentences:
            names = {name for _, name, _, _ in string.Formatter().parse(sentence) if name}
            assert names <= set(kind.__dataclass_fields__), sentence


def test_sentences_end_in_a_full_stop() -> None:
    for sentences in wording.PROBLEMS.values():
        assert all(sentence.endswith(".") for sentence in sentences)


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_has_a_name(name: str) -> None:
    assert wording.metric(name)


def test_a_translation_is_used() -> None:
    assert wording.metric("mse", str.upper) == "MEAN SQUARED ERROR"
