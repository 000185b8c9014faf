from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pruner_gui.data import Dataset, ReadOptions, read
from pruner_gui.data.errors import (
    AmbiguousTarget,
    CannotPair,
    DataMismatch,
    NotALabel,
    RowsDiffer,
    TargetMismatch,
    TooManyClasses,
    UnknownClass,
    UnknownColumn,
    WrongFileCount,
)

Writer = Callable[..., Path]
TABLE = "a,b,c,d\n1,2,0,.5\n3,4,1,.25\n5,6,0,.75\n"


def labels_of(dataset: Dataset) -> list[int]:
    assert dataset.labels is not None
    return dataset.labels.tolist()


def targets_of(dataset: Dataset) -> list[list[float]]:
    assert dataset.targets is not None
    return dataset.targets.tolist()


@pytest.mark.parametrize(
    ("n_inputs", "n_outputs", "target", "names"),
    [
        (3, 1, None, ("d",)),
        (2, 2, None, ("c", "d")),
        (4, 3, None, ()),
        (3, 1, "a", ("a",)),
        (3, 1, "0", ("a",)),
        (3, 1, "-2", ("c",)),
        (2, 2, "b, -1", ("b", "d")),
        (2, 2, "d,a", ("d", "a")),
        (3, 2, "c", ("c",)),
    ],
)
def test_the_counts_tell_targets_from_inputs(
    write: Writer, n_inputs: int, n_outputs: int, target: str | None, names: tuple[str, ...]
) -> None:
    dataset = read([write(TABLE)], n_inputs, n_outputs, ReadOptions(target=target))
    assert dataset.target_names == names
    assert sorted(dataset.input_names + names) == ["a", "b", "c", "d"]
    assert (dataset.targets is None) == (not names)


@pytest.mark.parametrize(("n_inputs", "n_outputs", "target"), [(5, 1, None), (1, 1, None), (4, 1, "d")])
def test_counts_that_do_not_fit_name_both_shapes(
    write: Writer, n_inputs: int, n_outputs: int, target: str | None
) -> None:
    with pytest.raises(DataMismatch) as caught:
        read([write(TABLE)], n_inputs, n_outputs, ReadOptions(target=target))
    assert (caught.value.columns, caught.value.n_inputs, caught.value.n_outputs) == (4, n_inputs, n_outputs)


@pytest.mark.parametrize(("target", "matches"), [("e", 0), ("4", 0), ("-5", 0), ("a,", 0), ("x", 2)])
def test_a_target_that_no_one_column_answers_to_is_refused(write: Writer, target: str, matches: int) -> None:
    with pytest.raises(UnknownColumn) as caught:
        read([write("a,x,x\n1,2,3\n3,4,5\n")], 2, 1, ReadOptions(target=target))
    assert caught.value.matches == matches
    assert caught.value.columns == ("a", "x", "x")


def test_two_targets_for_three_outputs_are_refused(write: Writer) -> None:
    with pytest.raises(TargetMismatch):
        read([write(TABLE)], 2, 3, ReadOptions(target="c,d"))


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("1,.5,.25\n0,.25,.5\n2,.5,.5\n", "0"),  # only the first can be labels
        ("1,0,0\n0,5,0\n2,7,0\n", "0"),  # the last does not vary
        ("1,.5,0\n2,.25,1\n1,.5,2\n", "2"),
        ("b,.5,7\na,.25,8\nc,.5,9\n", "0"),
        ("x,label,z\n1,0,1\n0,1,1\n0,2,0\n", "label"),
    ],
)
def test_the_label_column_is_found(write: Writer, content: str, name: str) -> None:
    assert read([write(content)], 2, 3).target_names == (name,)


def test_two_candidates_for_the_label_are_not_guessed_between(write: Writer) -> None:
    path = write("a,kind,c\n.5,0,1\n.25,1,1\n.5,2,0\n")
    with pytest.raises(AmbiguousTarget) as caught:
        read([path], 2, 3)
    assert (caught.value.trailing, caught.value.better) == ("c", "kind")
    assert labels_of(read([path], 2, 3, ReadOptions(target="kind"))) == [0, 1, 2]


def test_a_column_of_words_is_the_label_where_the_inputs_then_fit(write: Writer) -> None:
    dataset = read([write("a,kind,c\n.5,z,1\n.25,x,1\n.5,y,0\n")], 2, 3)
    assert dataset.input_names == ("a", "c")
    assert labels_of(dataset) == [2, 0, 1]


@pytest.mark.parametrize(
    ("column", "labels", "classes"),
    [
        ("0 2 1", [0, 2, 1], ("0", "1", "2")),
        ("2 2 1", [2, 2, 1], ("0", "1", "2")),
        ("1 2 3", [0, 1, 2], ("1", "2", "3")),
        ("2 3 2", [1, 2, 1], ("1", "2", "3")),
        ("10 30 20", [0, 2, 1], ("10", "20", "30")),
        ("-1 0 1", [0, 1, 2], ("-1", "0", "1")),
        ("dog cat emu", [1, 0, 2], ("cat", "dog", "emu")),
        ("3 A B", [0, 1, 2], ("3", "A", "B")),
    ],
)
def test_labels_number_the_classes(
    write: Writer, column: str, labels: list[int], classes: tuple[str, ...]
) -> None:
    rows = [f"{row + 0.5},{label}" for row, label in enumerate(column.split())]
    dataset = read([write("\n".join(["x,y", *rows]))], 1, 3)
    assert labels_of(dataset) == labels
    assert dataset.classes == classes
    assert targets_of(dataset) == np.eye(3)[labels].tolist()


def test_labels_that_do_not_fit_the_outputs_are_refused(write: Writer) -> None:
    with pytest.raises(TooManyClasses) as caught:
        read([write("x,y\n.5,1\n.5,2\n.5,3\n")], 1, 2)
    assert (caught.value.found, caught.value.n_outputs, caught.value.column) == (3, 2, "y")
    with pytest.raises(NotALabel) as broken:
        read([write("x,y\n.5,1\n.5,2.5\n")], 1, 2)
    assert (broken.value.row, broken.value.value) == (3, 2.5)


@pytest.mark.parametrize(
    ("column", "targets", "labels", "classes"),
    [
        ("0 1 1", [0, 1, 1], [0, 1, 1], ("0", "1")),
        ("-1 1 -1", [-1, 1, -1], [0, 1, 0], ("-1", "1")),
        ("no yes yes", [0, 1, 1], [0, 1, 1], ("no", "yes")),
        ("1 2 3", [1, 2, 3], None, ()),
    ],
)
def test_one_output_with_two_values_is_two_classes(
    write: Writer, column: str, targets: list[int], labels: list[int] | None, classes: tuple[str, ...]
) -> None:
    rows = [f"{row + 0.5},{label}" for row, label in enumerate(column.split())]
    dataset = read([write("\n".join(rows))], 1, 1)
    assert targets_of(dataset) == [[target] for target in targets]
    assert (None if dataset.labels is None else dataset.labels.tolist()) == labels
    assert dataset.classes == classes


def test_three_words_for_one_output_are_refused(write: Writer) -> None:
    with pytest.raises(TooManyClasses):
        read([write("1,a\n2,b\n3,c\n")], 1, 1)


def test_one_hot_targets_have_labels_and_real_ones_do_not(write: Writer) -> None:
    dataset = read([write("x,cat,dog\n.5,0,1\n.5,1,0\n")], 1, 2)
    assert (labels_of(dataset), dataset.classes) == ([1, 0], ("cat", "dog"))
    assert read([write("x,cat,dog\n.5,1,1\n.5,1,0\n")], 1, 2).labels is None


def test_a_second_data_set_is_scaled_and_labelled_like_the_first(write: Writer) -> None:
    first = read([write("0,cat\n10,dog\n5,emu\n")], 1, 3, ReadOptions(scale="minmax"))
    second = read([write("20,emu\n5,dog\n")], 1, 3, like=first)
    assert second.inputs.tolist() == [[2], [0.5]]
    assert labels_of(second) == [2, 1]
    assert second.classes == first.classes
    with pytest.raises(UnknownClass) as caught:
        read([write("20,yak\n5,dog\n")], 1, 3, like=first)
    assert (caught.value.row, caught.value.value) == (1, "yak")


def test_numbers_as_labels_are_looked_up_too(write: Writer) -> None:
    first = read([write("0,1\n10,2\n5,3\n")], 1, 3)
    assert labels_of(read([write("20,3\n5,2\n")], 1, 3, like=first)) == [2, 1]
    two = read([write("0,0\n10,1\n")], 1, 1)
    assert labels_of(read([write("20,1\n5,1\n")], 1, 1, like=two)) == [1, 1]


def test_a_pair_may_be_given_in_either_order(write: Writer) -> None:
    inputs, targets = write("1,2\n3,4\n5,6\n", "x.csv"), write("a\nb\nb\n", "y.csv")
    for pair in ([inputs, targets], [targets, inputs]):
        dataset = read(pair, 2, 2)
        assert dataset.inputs.tolist() == [[1, 2], [3, 4], [5, 6]]
        assert labels_of(dataset) == [0, 1, 1]
        assert dataset.source == "x.csv + y.csv"


def test_files_that_are_no_pair_are_refused(write: Writer, tmp_path: Path) -> None:
    inputs = write("1,2\n3,4\n5,6\n", "x.csv")
    with pytest.raises(RowsDiffer) as caught:
        read([inputs, write("1\n2\n", "y.csv")], 2, 1)
    assert (caught.value.rows, caught.value.other_rows) == (3, 2)
    whole = tmp_path / "both.npz"
    np.savez(whole, x=np.zeros((3, 2)), y=np.zeros(3))
    with pytest.raises(CannotPair):
        read([inputs, whole], 2, 1)
    for paths in ([], [inputs] * 3):
        with pytest.raises(WrongFileCount):
            read(paths, 2, 1)
