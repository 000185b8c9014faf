"""The HDF5 container of Keras 1, 2 and 3: read as in `keras_format`, written so that 2 and 3 load it."""

from __future__ import annotations

from pruner_gui.formats import keras_writer
from pruner_gui.formats.keras_format import load, run, tolerance
from pruner_gui.network import Network

__all__ = ["dump", "load", "run", "tolerance"]


def dump(network: Network) -> bytes:
    """Return the content of an `.h5` file.

    Raises:
        NotExpressible.
    """
    return keras_writer.hdf5(network)
