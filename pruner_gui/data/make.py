"""From a table whose columns have their roles to a data set."""

from __future__ import annotations

import numpy as np

from pruner_gui.data.dataset import Dataset, FloatArray, Note, Scaling
from pruner_gui.data.divide import Roles, divide
from pruner_gui.data.encode import categories_of, encode, whole_rows, without_infinite
from pruner_gui.data.labels import Targets, targets_of
from pruner_gui.data.options import ReadOptions
from pruner_gui.data.table import Table


def make(
    table: Table, roles: Roles, n_outputs: int, options: ReadOptions, *, like: Dataset | None = None
) -> Dataset:
    """Make a data set of a table whose columns have these roles.

    Raises:
        PrunerError: as `read`, for its cells, columns and class labels.
    """
    divided = without_infinite(divide(table, roles), options.missing)
    categories = categories_of(divided)
    rows, dropped = whole_rows(divided, options.missing)
    raw = encode(rows, options, categories, like.encoding if like is not None else None)
    scaling = Scaling.fit(options.scale, raw.values, raw.words) if like is None else like.scaling
    earlier = like.classes if like is not None else ()
    targets = targets_of(rows.targets, n_outputs, options.classes, earlier) if rows.targets else Targets()
    divides = rows.test is not None and 0 < rows.test.sum() < rows.n_rows
    return Dataset(
        inputs=scaling.apply(raw.values),
        targets=targets.values,
        labels=targets.labels,
        classes=targets.classes,
        input_names=raw.names,
        target_names=rows.targets.names if rows.targets else (),
        test=rows.test if divides else None,
        source=" + ".join(dict.fromkeys(part.path.name for part in (table, table.targets) if part)),
        scaling=scaling,
        encoding=raw.encoding,
        notes=(*dropped, *raw.notes, *_constant(raw.values, raw.names, options.scale), *targets.notes),
        numbers=np.array(rows.lines, np.intp),
        lines=bool(table.lines),
    )


def _constant(values: FloatArray, names: tuple[str, ...], scale: str) -> tuple[Note, ...]:
    """Tell of the columns that a measured scaling can only shift."""
    if scale not in ("standard", "minmax"):
        return ()
    still = np.flatnonzero((values == values[0]).all(axis=0)).tolist()
    return (Note("constant", len(still), tuple(names[column] for column in still)),) if still else ()
