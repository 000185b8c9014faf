"""Lower bounds of losses behind any number of relu layers, from one backward pass.

A loss that is convex in the scores lies above its tangent there. A relu lies above its tangent too, and by no
more than its input moves beyond zero: so carrying the tangent back through a relu layer is wrong by at most

    sum over its units of (loss's slope, if negative) * max(norm of the unit's weights * r - |input|, 0)

where r is how far the layer before moves. What the next layer puts out moves by r; each layer behind it
lengthens that by the norm of its weights at most. For every row this sum is kept at a few values of r; it is
convex in r, so that it lies below the straight lines between them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from pruner_gui.evaluation import kernels
from pruner_gui.evaluation.kernels import jit
from pruner_gui.evaluation.program import Array
from pruner_gui.evaluation.radii import norm
from pruner_gui.evaluation.rows import ALONE, Rows
from pruner_gui.evaluation.threads import in_parallel
from pruner_gui.network import Activation, FloatArray, Op

_EASY = 1e-3  # share of the loss, of the last rows, for which no bounds are made
_STALE = 8  # removals after which tangents are made anew
_POINTS = 12  # values of r, each half of the one before
_ROWS = 512  # at a time
_CLOSE = 64  # times the precision: rounding of a product's part in a sum of many
_ROUNDING = 1 + 1e-5  # what norms and products in float32 can be off


class Tangents:
    """Bounds what losses are without some units, for rows whose next layer's input is `entry`.

    `entry` `(n_rows, n_next)` is looked at, not kept up to date: the level does that. `layers` are weights
    and biases of those behind, in the precision of the work.
    """

    @staticmethod
    def fit(rows: Rows, afters: Sequence[tuple[Op, ...]]) -> bool:
        """Whether there is a convex loss, and relus in front of all layers but none behind the last."""
        relus = all(
            len(after) == 1 and isinstance(after[0], Activation) and after[0].kind == "relu"
            for after in afters[:-1]
        )
        return rows.measure.convex >= 0 and relus and not afters[-1] and len(afters) > 1

    def __init__(
        self, rows: Rows, entry: FloatArray, layers: Sequence[tuple[FloatArray, FloatArray]]
    ) -> None:
        self.metric = rows.measure.convex
        self._rows, self._entry, self._layers = rows, entry, layers
        self._slopes = rows.spare.of("slopes", entry.shape, entry.dtype)
        self._anchors: Array = np.zeros(len(entry))
        self._drift = np.zeros(len(entry), entry.dtype)
        self._excess = np.zeros((len(entry), _POINTS), entry.dtype)
        self.rounding = 0.0  # how far the sum of bounds can be off
        self._top = 1.0
        self._hard = rows.n_blocks  # blocks for which there are bounds: rows come hardest first
        self._age = _STALE
        # Of each layer but the last: what one unit's input moves by at most for a movement of one.
        factor, self._moves = 1.0, list[FloatArray]()
        for weight, _ in layers[:-1]:
            lengths = factor * _ROUNDING * np.linalg.norm(weight.astype(np.float64), axis=0)
            self._moves.append(lengths.astype(entry.dtype))
            factor *= norm(weight)

    def forget(self) -> None:
        """Make tangents anew when they are needed next: the entry is another one."""
        self._age = _STALE

    def moved(self, distance: FloatArray) -> None:
        """Take note how far `(n_rows,)` what the next layer puts out has moved."""
        self._age += 1
        self._drift += distance * _ROUNDING

    def lower(
        self, gone: FloatArray, taken: FloatArray, sizes: FloatArray, losses: FloatArray, out: FloatArray
    ) -> None:
        """Put lower bounds of losses in `out` `(n_trials, n_rows)`, for the rows where something is `gone`.

        `losses` are the present ones, in blocks.
        """
        rows = self._rows
        if self._age >= _STALE:
            self._renew(float((np.abs(gone).max(axis=1) * sizes).max()), losses)
        out[:, self._hard * rows.tuning.block :] = 0
        rows.split(
            lambda a, b: _lower(
                a * rows.tuning.block, min(b * rows.tuning.block, rows.count), gone, taken,
                self._entry, self._slopes, self._anchors, self._drift, self._excess, self._top, out,
            ),
            max(1, len(gone) * self._entry.shape[1]), 0, self._hard,
        )  # fmt: skip

    def _renew(self, reach: float, losses: FloatArray) -> None:
        """Make tangents where the entry is now, with bounds for movements of about `reach` or less."""
        self._age, self._top = 0, 2 * reach if np.isfinite(reach) and reach > 0 else 1.0
        self._drift[:] = 0
        self._excess[:] = 0
        left = losses[:, self.metric].sum(axis=1)[::-1].cumsum()[::-1]
        self._hard = int(np.count_nonzero(~(left <= _EASY * left[0])))
        step = max(1, _ROWS // self._rows.tuning.block)
        parts = [slice(a, min(a + step, self._hard)) for a in range(0, self._hard, step)]
        macs = self._hard * self._rows.tuning.block * sum(weight.size for weight, _ in self._layers)
        threads = self._rows.tuning.threads if macs > ALONE else 1
        sizes = in_parallel(partial(self._renew_blocks, losses), parts, threads)
        self.rounding = _CLOSE * float(np.finfo(self._entry.dtype).eps * np.sum(sizes))

    def _renew_blocks(self, losses: FloatArray, blocks: slice) -> float:
        """Do some blocks; return the sum of the sizes of all products that bounds are made of."""
        part = slice(*(end * self._rows.tuning.block for end in (blocks.start, blocks.stop)))
        held = np.maximum(self._entry[part], 0)
        inputs = [held]
        with np.errstate(over="ignore", invalid="ignore"):
            for weight, bias in self._layers:
                inputs.append(np.maximum(inputs[-1], 0) @ weight + bias)
            slope = self._gradient(inputs[-1], blocks)
            for (weight, _), moves, sums in zip(
                self._layers[:0:-1], self._moves[::-1], inputs[-2:0:-1], strict=True
            ):
                slope = slope @ weight.T
                _exceed(slope, sums, moves, self._top, self._excess[part])
                slope *= sums > 0
            slope = slope @ self._layers[0][0].T
        self._slopes[part] = slope
        present = losses[blocks, self.metric].ravel()
        self._anchors[part] = present - np.einsum("ij,ij->i", slope, held, dtype=np.float64)
        return float(np.abs(slope).ravel() @ held.ravel()) + float(np.abs(present).sum())

    def _gradient(self, scores: FloatArray, blocks: slice) -> FloatArray:
        """Return how the loss grows with the scores `(n_rows, n_outputs)`."""
        rows, measure = self._rows, self._rows.measure
        wanted = rows.wanted[blocks].swapaxes(1, 2).reshape(len(scores), -1)
        kind = measure.kinds[self.metric]
        if kind == kernels.SQUARES:
            slope: FloatArray = 2 * measure.scales[self.metric] * (scores - wanted)
        elif kind == kernels.BINARY_ENTROPY:
            slope = 1 / (1 + np.exp(-scores)) - wanted
        else:
            slope = np.exp(scores - scores.max(axis=1, keepdims=True))
            slope /= slope.sum(axis=1, keepdims=True)
            if kind == kernels.CLASS_ENTROPY:
                slope[np.arange(len(scores)), rows.labels[blocks].ravel()] -= 1
            else:
                slope = slope * wanted.sum(axis=1, keepdims=True) - wanted
        return slope.astype(scores.dtype, copy=False)


@jit
def _exceed(slopes: Any, inputs: Any, moves: Any, top: float, excess: Any) -> None:
    """Add to `excess` `(n_rows, n_points)` by how much a relu layer's tangents can be too high."""
    zero = slopes.dtype.type(0)
    for i in range(slopes.shape[0]):
        slope, x = slopes[i], inputs[i]
        reach = slopes.dtype.type(top)
        for g in range(excess.shape[1]):
            total = zero
            for j in range(moves.size):
                over = moves[j] * reach - abs(x[j])
                total -= min(slope[j], zero) * max(over, zero)
            excess[i, g] += total
            reach *= slopes.dtype.type(0.5)
            if total == zero:
                break


@jit
def _lower(
    first: int, last: int, gone: Any, taken: Any, entry: Any, slopes: Any, anchors: Any,
    drift: Any, excess: Any, top: float, out: Any,
) -> None:  # fmt: skip
    """Put lower bounds of rows `first` to `last` in `out`, for all trials; see `Tangents.lower`."""
    zero = entry.dtype.type(0)
    points, n = excess.shape[1], gone.shape[0]
    halves = 0.5 ** np.arange(points + 1)
    least = top * halves[points]
    which = np.zeros(n + 3, np.int64)
    rises, squares = np.empty(n + 3, entry.dtype), np.empty(n + 3, entry.dtype)
    for i in range(first, last):
        x, slope = entry[i], slopes[i]
        count = 0
        for t in range(n):
            which[count] = t
            count += 1 if gone[t, i] != zero else 0
        # Four trials read the row together; those beyond the last are of no use.
        for q in range(0, count, 4):
            t0, t1, t2, t3 = which[q], which[q + 1], which[q + 2], which[q + 3]
            a0, a1, a2, a3 = gone[t0, i], gone[t1, i], gone[t2, i], gone[t3, i]
            w0, w1, w2, w3 = taken[t0], taken[t1], taken[t2], taken[t3]
            r0, r1, r2, r3 = zero, zero, zero, zero
            s0, s1, s2, s3 = zero, zero, zero, zero
            for j in range(x.size):
                old = max(x[j], zero)
                n0, n1 = max(x[j] - a0 * w0[j], zero), max(x[j] - a1 * w1[j], zero)
                n2, n3 = max(x[j] - a2 * w2[j], zero), max(x[j] - a3 * w3[j], zero)
                r0 += slope[j] * n0
                r1 += slope[j] * n1
                r2 += slope[j] * n2
                r3 += slope[j] * n3
                s0 += (n0 - old) * (n0 - old)
                s1 += (n1 - old) * (n1 - old)
                s2 += (n2 - old) * (n2 - old)
                s3 += (n3 - old) * (n3 - old)
            rises[q], rises[q + 1], rises[q + 2], rises[q + 3] = r0, r1, r2, r3
            squares[q], squares[q + 1], squares[q + 2], squares[q + 3] = s0, s1, s2, s3
        for q in range(count):
            reach = math.sqrt(squares[q]) * 1.00001 + drift[i]
            bound = anchors[i] + rises[q]
            if not reach < top:
                bound = 0.0
            else:
                # How often it can be doubled, without a search.
                g = min(int(math.frexp(top / max(reach, least))[1]), points)
                high = 2.0 * top * halves[g]
                # Between `high` and the half of it, or zero.
                above = excess[i, g - 1]
                low = high * 0.5 if g < points else 0.0
                below = excess[i, g] if g < points else zero
                bound -= below + (above - below) * (reach - low) / (high - low)
            # Not what is beyond all numbers, or none.
            out[which[q], i] = bound if 0.0 < bound < np.inf else 0.0
