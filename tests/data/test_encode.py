"""Words, gaps and labels: how cells become what a network takes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pruner_gui.data import Dataset, Note, ReadOptions, read
from pruner_gui.data.errors import (
    CannotReadData,
    DataMismatch,
    MissingValues,
    NonFiniteData,
    Place,
    TooFewClasses,
    TooManyClasses,
    UnknownClass,
    WordsMismatch,
    WrongClassCount,
)

Writer = Callable[..., Path]
ROOMS = "wall,area,sunny,price\nred,10,True,5\nblue,20,False,6\nred,30,True,7\n"
GAPS = "a,b,y\n1,2,3\n,4,5\nNA,?,6\n4,null,\n"


def rows_of(dataset: Dataset) -> list[list[float]]:
    return dataset.inputs.tolist()


def labels_of(dataset: Dataset) -> list[int]:
    assert dataset.labels is not None
    return dataset.labels.tolist()


# -- words


@pytest.mark.parametrize(
    ("kind", "names", "first"),
    [
        ("one-hot", ("wall=blue", "wall=red", "area", "sunny"), [0, 1, 10, 1]),
        ("drop-first", ("wall=red", "area", "sunny"), [1, 10, 1]),
        ("number", ("wall", "area", "sunny"), [1, 10, 1]),
    ],
)
def test_words_become_inputs(write: Writer, kind: str, names: tuple[str, ...], first: list[float]) -> None:
    dataset = read([write(ROOMS)], len(names), 1, ReadOptions(categories=kind))
    assert dataset.input_names == names
    assert rows_of(dataset)[0] == first
    assert dataset.target_names == ("price",)
    told = Note("numbered", names=("wall", "sunny")) if kind == "number" else Note("one-hot", names=("wall",))
    assert dataset.notes == (told,)


def test_columns_that_stand_for_words_are_not_scaled(write: Writer) -> None:
    dataset = read([write(ROOMS)], 4, 1, ReadOptions(scale="10"))
    assert rows_of(dataset)[1] == [1, 0, 2, 0]
    standard = read([write(ROOMS)], 4, 1, ReadOptions(scale="standard"))
    assert standard.inputs[:, [0, 1, 3]].tolist() == [[0, 1, 1], [1, 0, 0], [0, 1, 1]]
    assert standard.inputs[:, 2].mean() == pytest.approx(0)


def test_words_that_do_not_fit_say_how_many_numbers_they_give(write: Writer) -> None:
    with pytest.raises(WordsMismatch) as caught:
        read([write(ROOMS)], 3, 1, ReadOptions(target="price"))
    assert (caught.value.columns, caught.value.words) == (5, ("wall (2)",))


def test_a_second_file_knows_the_words_of_the_first(write: Writer) -> None:
    first = read([write(ROOMS)], 4, 1)
    assert rows_of(read([write("wall,area,sunny,price\nred,1,True,5\n")], 4, 1, like=first)) == [[0, 1, 1, 1]]
    with pytest.raises(UnknownClass) as caught:
        read([write("wall,area,sunny,price\nred,1,True,5\npink,1,False,5\n")], 4, 1, like=first)
    assert (caught.value.row, caught.value.column, caught.value.value) == (3, "wall", "pink")


# -- gaps


def test_cells_without_a_value_are_named(write: Writer) -> None:
    with pytest.raises(MissingValues) as caught:
        read([write(GAPS)], 2, 1)
    places = [(3, "a"), (4, "a"), (4, "b"), (5, "b"), (5, "y")]
    assert (caught.value.places, caught.value.count) == (tuple(Place(*place) for place in places), 5)


def test_of_many_gaps_the_first_are_named_and_all_counted(write: Writer) -> None:
    with pytest.raises(MissingValues) as caught:
        read([write("a,b,y\n" + ",1,2\n" * 20 + "1,1,1\n" * 30)], 2, 1)
    assert (len(caught.value.places), caught.value.count) == (5, 20)


def test_rows_with_gaps_are_dropped_and_counted(write: Writer) -> None:
    dataset = read([write(GAPS)], 2, 1, ReadOptions(missing="drop-rows"))
    assert rows_of(dataset) == [[1, 2]]
    assert dataset.notes == (Note("rows-dropped", 3),)
    with pytest.raises(CannotReadData) as caught:
        read([write("a,b,y\n1,,3\n,4,5\n")], 2, 1, ReadOptions(missing="drop-rows"))
    assert caught.value.reason == "incomplete"


def test_gaps_are_filled_with_the_mean_but_never_in_targets(write: Writer) -> None:
    dataset = read([write(GAPS)], 2, 1, ReadOptions(missing="mean"))
    assert rows_of(dataset) == [[1, 2], [1, 4], [1, 3]]
    assert dataset.targets is not None
    assert dataset.targets.tolist() == [[3], [5], [6]]
    assert dataset.notes == (Note("rows-dropped", 1), Note("cells-filled", 3))


def test_a_gap_among_words_takes_the_share_of_each(write: Writer) -> None:
    dataset = read([write("wall,y\nred,1\nblue,2\n,3\nred,4\n")], 2, 1, ReadOptions(missing="mean"))
    assert rows_of(dataset)[2] == pytest.approx([1 / 3, 2 / 3])


def test_a_column_without_any_value_cannot_be_filled(write: Writer) -> None:
    with pytest.raises(MissingValues) as caught:
        read([write("a,b,y\n1,,3\n2,,4\n")], 2, 1, ReadOptions(missing="mean", header="yes"))
    assert caught.value.places == (Place(2, "b"), Place(3, "b"))


def test_a_second_file_is_filled_with_the_means_of_the_first(write: Writer) -> None:
    options = ReadOptions(missing="mean")
    first = read([write("a,y\n1,1\n3,2\n")], 1, 1, options)
    assert rows_of(read([write("a,y\n,1\n9,2\n")], 1, 1, options, like=first)) == [[2], [9]]


def test_gaps_in_an_ignored_column_do_not_matter(write: Writer) -> None:
    assert rows_of(read([write("a,b,y\n1,,3\n2,?,4\n")], 1, 1, ReadOptions(ignore="b"))) == [[1], [2]]


def test_a_gap_in_an_array_is_named_by_row_and_column(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([[1, 2], [3, np.nan], [5, 6]]))
    with pytest.raises(MissingValues) as caught:
        read([tmp_path / "x.npy"], 2, 1)
    assert caught.value.places == (Place(2, "1"),)


def test_infinite_cells_are_named_even_among_gaps(write: Writer) -> None:
    with pytest.raises(NonFiniteData) as caught:
        read([write("a,b,y\n1,,3\n1,inf,3\n-inf,1,2\n")], 2, 1)
    assert (caught.value.places, caught.value.count) == ((Place(3, "b"), Place(4, "a")), 2)


def test_rows_with_infinite_cells_are_left_out_where_that_is_asked_for(write: Writer) -> None:
    path = write("a,b,y\n1,2,3\n1,inf,3\n-inf,9,3\n3,6,4\n")
    found = read([path], 2, 1, ReadOptions(missing="drop-rows"))
    assert rows_of(found) == [[1, 2], [3, 6]]
    assert found.notes == (Note("rows-dropped", 2),)


def test_infinite_cells_take_the_mean_of_the_finite_ones_where_that_is_asked_for(write: Writer) -> None:
    path = write("a,b,y\n1,2,3\n1,inf,3\n-inf,1,3\n4,6,4\n")
    found = read([path], 2, 1, ReadOptions(missing="mean"))
    assert rows_of(found) == [[1, 2], [1, 3], [2, 1], [4, 6]]
    assert found.notes == (Note("cells-filled", 2),)


def test_a_row_with_an_infinite_target_is_never_of_use(write: Writer) -> None:
    found = read([write("a,y\n1,2\n2,inf\n3,4\n")], 1, 1, ReadOptions(missing="mean"))
    assert rows_of(found) == [[1], [3]]


def test_an_infinite_cell_in_an_ignored_column_is_in_nobodys_way(write: Writer) -> None:
    assert rows_of(read([write("a,b,y\n1,inf,3\n2,1,4\n")], 1, 1, ReadOptions(ignore="b"))) == [[1], [2]]


# -- scaling


@pytest.mark.parametrize("scale", ["standard", "minmax"])
def test_columns_that_do_not_vary_are_told(write: Writer, scale: str) -> None:
    dataset = read([write("a,b,y\n1,7,3\n2,7,4\n")], 2, 1, ReadOptions(scale=scale))
    assert dataset.inputs[:, 1].tolist() == [0, 0]
    assert dataset.notes == (Note("constant", 1, ("b",)),)


def test_any_number_divides(write: Writer) -> None:
    assert rows_of(read([write("16,8,3\n4,0,4\n")], 2, 1, ReadOptions(scale="16"))) == [[1, 0.5], [0.25, 0]]


# -- classes


def test_classes_can_be_named_in_the_order_of_the_outputs(write: Writer) -> None:
    path = write("x,y\n.5,cat\n.5,dog\n.5,cat\n")
    options = ReadOptions(classes="emu, dog, cat")
    dataset = read([path], 1, 3, options)
    assert (labels_of(dataset), dataset.classes) == ([2, 1, 2], ("emu", "dog", "cat"))
    single = read([path], 1, 1, ReadOptions(classes="dog,cat"))
    assert single.targets is not None
    assert single.targets.tolist() == [[1], [0], [1]]
    with pytest.raises(UnknownClass):
        read([path], 1, 3, ReadOptions(classes="a,b,c"))
    for classes, n_outputs in (("cat,dog", 3), ("cat,cat,dog", 3), ("cat,dog,emu", 1)):
        with pytest.raises(WrongClassCount):
            read([path], 1, n_outputs, ReadOptions(classes=classes))


@pytest.mark.parametrize("labels", ["cat dog cat", "10 30 10", "-1 1 1", "2 9 2"])
def test_fewer_classes_than_outputs_are_refused(write: Writer, labels: str) -> None:
    rows = [f".5,{label}" for label in labels.split()]
    with pytest.raises(TooFewClasses) as caught:
        read([write("\n".join(["x,y", *rows]))], 1, 3)
    assert (len(caught.value.found), caught.value.n_outputs) == (2, 3)


def test_labels_beyond_the_outputs_are_refused(write: Writer) -> None:
    with pytest.raises(TooManyClasses) as caught:
        read([write("x,y\n.5,0\n.5,1\n.5,2\n.5,3\n")], 1, 3)
    assert (caught.value.found, caught.value.n_outputs) == (4, 3)


def test_how_labels_became_classes_is_told(write: Writer) -> None:
    mapped = read([write("x,y\n.5,10\n.5,30\n.5,20\n")], 1, 3)
    assert mapped.notes == (Note("classes", names=("10", "20", "30")),)
    assert read([write("x,y\n.5,0\n.5,2\n.5,1\n")], 1, 3).notes == ()


# -- columns


TABLE = "a,b,c,d,e\n1,2,3,4,5\n6,7,8,9,8\n"


@pytest.mark.parametrize(
    ("options", "inputs", "targets"),
    [
        (ReadOptions(inputs="a,b"), ("a", "b"), ("e",)),
        (ReadOptions(inputs="0-1"), ("a", "b"), ("e",)),
        (ReadOptions(inputs="b,a", target="d"), ("b", "a"), ("d",)),
        (ReadOptions(inputs="#1-2", target="-1"), ("b", "c"), ("e",)),
        (ReadOptions(ignore="2-3"), ("a", "b"), ("e",)),
        (ReadOptions(ignore="#-3--1", target=""), ("a", "b"), ()),
        (ReadOptions(ignore="c,d", target="a"), ("b", "e"), ("a",)),
    ],
)
def test_columns_are_named_by_names_indices_and_ranges(
    write: Writer, options: ReadOptions, inputs: tuple[str, ...], targets: tuple[str, ...]
) -> None:
    dataset = read([write(TABLE)], 2, 1, options)
    assert (dataset.input_names, dataset.target_names) == (inputs, targets)


def test_a_name_with_a_comma_is_quoted(write: Writer) -> None:
    path = write('"x, raw",b,c\n1,2,3\n4,5,6\n')
    assert read([path], 1, 1, ReadOptions(ignore='"x, raw"')).input_names == ("b",)
    assert read([path], 1, 1, ReadOptions(ignore="x, raw")).input_names == ("b",)


def test_inputs_that_are_named_have_to_fit(write: Writer) -> None:
    with pytest.raises(DataMismatch) as caught:
        read([write(TABLE)], 2, 1, ReadOptions(inputs="0-2"))
    assert caught.value.columns == 4
