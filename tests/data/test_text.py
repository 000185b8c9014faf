import csv
import io
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pruner_gui.data import ReadOptions, raw, read, text
from pruner_gui.data.errors import (
    CannotReadData,
    DataTooLarge,
    MissingValues,
    NonFiniteData,
    NotANumber,
    Place,
    RaggedRow,
    WordsMismatch,
)
from pruner_gui.errors import PrunerError

Writer = Callable[..., Path]
IRIS = "5.1,3.5,setosa\n7.0,3.2,versicolor\n6.3,3.3,virginica\n"


@st.composite
def sheets(draw: st.DrawFn) -> tuple[list[list[float]], bytes]:
    """Rows of numbers, and a file that has them in some dialect."""
    width = draw(st.integers(2, 5))
    number = st.floats(-1e6, 1e6, allow_nan=False) | st.integers(-99, 99).map(float)
    rows = draw(st.lists(st.lists(number, min_size=width, max_size=width), min_size=2, max_size=8))
    delimiter = draw(st.sampled_from(",;\t| "))
    comma = delimiter != "," and draw(st.booleans())
    cells = [[repr(value).replace(".", "," if comma else ".") for value in row] for row in rows]
    if draw(st.booleans()):
        cells.insert(0, [f"größe {column}" for column in range(width)])
    if draw(st.booleans()):
        cells.insert(draw(st.integers(0, len(cells))), [])
    if delimiter != " " and draw(st.booleans()):
        cells = [row and [*row, "", ""] for row in cells]
    file = io.StringIO()
    writer = csv.writer(
        file,
        delimiter=delimiter,
        quotechar=draw(st.sampled_from("\"'")),
        quoting=draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])),
        lineterminator=draw(st.sampled_from(["\n", "\r\n", "\r"])),
    )
    writer.writerows(cells)
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "latin-1", "utf-16"]))
    return rows, file.getvalue().encode(encoding)


@settings(max_examples=100)
@given(sheets())
def test_a_file_in_any_dialect_gives_the_numbers_written(sheet: tuple[list[list[float]], bytes]) -> None:
    rows, content = sheet
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "data.csv")
        path.write_bytes(content)
        dataset = read([path], len(rows[0]) - 1, 1)
    assert dataset.targets is not None
    assert np.hstack([dataset.inputs, dataset.targets]).tolist() == rows


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("a,b,c\n1,2,3\n4,5,6\n", ("a", "b")),
        ("1,2,3\n4,5,6\n", ("0", "1")),
        ("0,1,target\n.5,.25,3\n4,5,6\n", ("0", "1")),  # pandas: numbered columns and a name
        ("0,1,2\n.5,.25,3\n4,5,6\n", ("0", "1")),  # pandas: columns counted from 0
        (",a,b,c\n0,.5,.25,3\n1,4,5,6\n", ("a", "b")),  # pandas: with the index
        ("# made by hand\n1,2,3\n4,5,6\n", ("0", "1")),
        ("a, b ,c\n1,2,3\n4,5,6\n", ("a", "b")),
        ('"the ""first""","b\nc",d\n1,2,3\n', ('the "first"', "b\nc")),
    ],
)
def test_a_header_is_told_from_data(write: Writer, content: str, names: tuple[str, ...]) -> None:
    dataset = read([write(content)], 2, 1)
    assert dataset.input_names == names
    assert len(dataset) == content.count("\n4,5,6") + content.count("\n1,4,5,6") + 1


def test_classes_are_named_by_words(write: Writer) -> None:
    dataset = read([write(IRIS)], 2, 3)
    assert dataset.classes == ("setosa", "versicolor", "virginica")
    assert dataset.labels is not None
    assert dataset.labels.tolist() == [0, 1, 2]
    assert dataset.targets is not None
    assert dataset.targets.tolist() == np.eye(3).tolist()


def test_words_with_blanks_stay_whole(write: Writer) -> None:
    content = (
        IRIS.replace(",", "\t").replace("setosa", "Iris setosa").replace("versicolor", "Iris versicolor")
    )
    assert read([write(content)], 2, 3).classes == ("Iris setosa", "Iris versicolor", "virginica")


def test_a_split_column_marks_test_rows_and_is_no_input(write: Writer) -> None:
    dataset = read([write("a,Split,b,y\n1,train,2,3\n4,TEST,5,6\n")], 2, 1)
    assert dataset.test is not None
    assert dataset.test.tolist() == [False, True]
    assert dataset.input_names == ("a", "b")


def test_marks_that_divide_nothing_are_no_marks(write: Writer) -> None:
    assert read([write("a,split,b,y\n1,test,2,3\n4,test,5,6\n")], 2, 1).test is None


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("a,b,y\n1,2,3\n1,x,3\n", NotANumber(Path(), 3, "b", "x")),
        ("1,2,3\n\n1,x,3\n", NotANumber(Path(), 3, "1", "x")),
        ("1.5,x,3\n1,2,3\n", NotANumber(Path(), 1, "1", "x")),
        (",2,3\n1,2,3\n", MissingValues(Path(), (Place(1, "0"),), 1)),
        ("a,b,y\n1,red,3\n1,blue,3\n", WordsMismatch(Path(), 4, ("b (2)",), 2, 1)),
        ("1;2,5;3\n1.5;2,5;3\n", NotANumber(Path(), 2, "0", "1.5")),
        ("a,b,y\n1,2,3\n1,,3\n", MissingValues(Path(), (Place(3, "b"),), 1)),
        ("a,b,y\n1,2,3\n1,2\n", MissingValues(Path(), (Place(3, "y"),), 1)),
        ("1,2,3\n?,2,3\n", MissingValues(Path(), (Place(2, "0"),), 1)),
        ("?,2,3\n1,2,3\n", MissingValues(Path(), (Place(1, "0"),), 1)),
        ("a,b,y\n1,2,3\n1,nan,3\n", MissingValues(Path(), (Place(3, "b"),), 1)),
        ("a,b,y\n,2,NA\n1,nan,3\n", MissingValues(Path(), (Place(2, "a"), Place(2, "y"), Place(3, "b")), 3)),
        ("a,b,y\n1,2,inf\n1,2,3\n", NonFiniteData(Path(), (Place(2, "y"),), 1)),
        ("a,b,y\n1,2,3\n1,2,3,4\n", RaggedRow(Path(), 3, 4, 3)),
        ('1,2,3\n1,2,"3\n1,2,3\n', CannotReadData(Path(), "quote", "2")),
        ("", CannotReadData(Path(), "empty")),
        ("\n , ,\n", CannotReadData(Path(), "empty")),
        ("a,b,y\n", CannotReadData(Path(), "empty")),
        ("1,2,3\n\x00\x01", CannotReadData(Path(), "binary")),
    ],
)
def test_what_is_wrong_is_named_with_its_place(write: Writer, content: str, error: PrunerError) -> None:
    path = write(content)
    with pytest.raises(type(error)) as caught:
        read([path], 2, 1)
    assert vars(caught.value) == {**vars(error), "path": path}


def test_a_word_among_numeric_labels_is_a_mistake(write: Writer) -> None:
    with pytest.raises(NotANumber) as caught:
        read([write("1,2,0\n1,2,1\n1,2,x\n")], 2, 5)
    assert (caught.value.row, caught.value.value) == (3, "x")


@pytest.mark.parametrize("word", ["", "NA", "?"])
def test_a_missing_label_is_no_class(write: Writer, word: str) -> None:
    with pytest.raises(MissingValues):
        read([write(IRIS + f"1,2,{word}\n")], 2, 5)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "none.csv", "ENOENT"), (tmp_path, "EISDIR")):
        with pytest.raises(CannotReadData) as caught:
            read([path], 2, 1)
        assert caught.value.reason == reason


def test_a_line_beyond_the_limit_is_refused_unparsed(write: Writer) -> None:
    with pytest.raises(DataTooLarge) as caught:
        read([write("1," * raw.MAX_LINE + "\n")], 2, 1)
    assert (caught.value.what, caught.value.size) == ("line", 2 * raw.MAX_LINE)


def test_a_file_beyond_the_limit_is_refused(write: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw, "MAX_BYTES", 10)
    with pytest.raises(DataTooLarge):
        read([write("1,2,3\n4,5,6\n")], 2, 1)


def test_numbers_beyond_one_block_come_in_order(write: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "_BLOCK", 6)
    rows = [f"{row},{row / 2},{'ab'[row % 2]}" for row in range(9)]
    dataset = read([write("\n".join(rows))], 2, 2)
    assert dataset.inputs[:, 1].tolist() == [row / 2 for row in range(9)]
    assert dataset.labels is not None
    assert dataset.labels.tolist() == [row % 2 for row in range(9)]


def test_inputs_are_float32_only_where_that_is_exact(write: Writer) -> None:
    assert read([write("1,2,3\n4,0.5,6\n")], 2, 1).inputs.dtype == np.float32
    assert read([write("1,2,3\n4,0.1,6\n")], 2, 1).inputs.dtype == np.float64


@given(st.binary(max_size=80))
def test_any_bytes_give_data_or_a_refusal(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "data.csv")
        path.write_bytes(content)
        try:
            dataset = read([path], 2, 1)
        except PrunerError:
            return
    assert dataset.inputs.shape[1] == 2
    assert np.isfinite(dataset.inputs).all()


def test_ragged_blanks_and_remarks_do_not_matter(write: Writer) -> None:
    path = write("# length width kind\n  5.1   3.5  setosa\n\t7.0\t 3.2 lily   # odd\n 6.3 3.3\tzinnia  \n")
    dataset = read([path], 2, 3)
    assert dataset.inputs.tolist() == [[5.1, 3.5], [7, 3.2], [6.3, 3.3]]
    assert dataset.classes == ("lily", "setosa", "zinnia")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_wide_characters_are_known_without_their_mark(write: Writer, encoding: str) -> None:
    assert read([write("ab,c,d\n1,2,3\n", encoding=encoding)], 2, 1).input_names == ("ab", "c")


def test_a_delimiter_or_header_that_is_given_is_not_looked_for(write: Writer) -> None:
    assert read([write("1:2:3\n4:5:6\n")], 2, 1, ReadOptions(delimiter=":")).inputs.tolist() == [
        [1, 2],
        [4, 5],
    ]
    named = read([write("7,8,9\n4,5,6\n")], 2, 1, ReadOptions(header="yes"))
    assert (named.input_names, len(named)) == (("7", "8"), 1)
    assert len(read([write("0,1,2\n4,5,6\n")], 2, 1, ReadOptions(header="no"))) == 2


def test_a_row_wider_than_one_cell_may_be_is_still_a_row(write: Writer) -> None:
    wide = ",".join(["1.5"] * 50_000)
    assert read([write(f"{wide},2\n{wide},3\n")], 50_000, 1).inputs.shape == (2, 50_000)
