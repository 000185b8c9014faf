"""Files that nobody in this project made."""

from pathlib import Path

import numpy as np
import pytest

from pruner_gui.data import ReadOptions, read
from pruner_gui.data.errors import AmbiguousTarget


@pytest.mark.parametrize("target", [None, "0"])
def test_mnist_rows_with_the_label_first(shared: Path, target: str | None) -> None:
    dataset = read([shared / "mnist_test_100.csv"], 784, 10, ReadOptions(target=target, scale="255"))
    assert dataset.inputs.shape == (100, 784)
    assert dataset.inputs.max() == 1
    assert dataset.labels is not None
    assert dataset.labels[:5].tolist() == [7, 2, 1, 0, 4]


def test_mnist_images_agree_with_the_rows(shared: Path) -> None:
    files = [shared / "t10k-images-idx3-ubyte.gz", shared / "t10k-labels-idx1-ubyte.gz"]
    images = read(files, 784, 10)
    rows = read([shared / "mnist_test_100.csv"], 784, 10)
    assert images.inputs.shape == (10000, 784)
    assert images.inputs.dtype == np.float32
    assert np.array_equal(images.inputs[:100], rows.inputs)
    assert images.labels is not None
    assert rows.labels is not None
    assert np.array_equal(images.labels[:100], rows.labels)


def test_iris_asks_for_the_target_that_stands_in_the_middle(shared: Path) -> None:
    path = shared / "iris_dataset_preprocessed.csv"
    with pytest.raises(AmbiguousTarget) as caught:
        read([path], 6, 3)
    assert caught.value.better == "species"
    dataset = read([path], 6, 3, ReadOptions(target="species", scale="standard"))
    assert dataset.labels is not None
    assert np.bincount(dataset.labels).tolist() == [50, 50, 50]
    assert np.allclose(dataset.inputs.mean(axis=0), 0)
