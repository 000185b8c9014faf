"""Heaton's loop, written down literally over lists of weights, for chains of dense layers.

J. Heaton, Introduction to Neural Networks with Java, 1st edition 2005 and 2nd edition 2008.
Nothing of the program takes part but what builds and runs a network.
"""

from __future__ import annotations

import numpy as np

from pruner_gui.network import Activation, Arithmetic, Dense, FloatArray, Input, Network, Node, Op

Neuron = tuple[int, int]  # hidden layer and original index


class Chain:
    """The weights of a chain, and who its hidden neurons were at first."""

    def __init__(self, network: Network) -> None:
        self.steps = [(node.name, node.op) for node in network.nodes]
        assert all(isinstance(op, (Input, Dense, Activation, Arithmetic)) for _, op in self.steps)
        self.layers = [i for i, (_, op) in enumerate(self.steps) if isinstance(op, Dense)]
        self.who = [list(range(self.dense(layer).bias.size)) for layer in range(len(self.layers) - 1)]

    def dense(self, layer: int) -> Dense:
        """A dense layer."""
        op = self.steps[self.layers[layer]][1]
        assert isinstance(op, Dense)
        return op

    def network(self) -> Network:
        """The network of now."""
        nodes = []
        for i, (name, op) in enumerate(self.steps):
            nodes.append(Node(name, op, (self.steps[i - 1][0],) if i else ()))
        return Network(tuple(nodes), (self.steps[-1][0],))

    def without(self, layer: int, place: int) -> Chain:
        """A copy that lacks the neuron at this place of a hidden layer."""
        own, reader = self.dense(layer), self.dense(layer + 1)
        changed: dict[int, Op] = {
            self.layers[layer]: Dense(np.delete(own.weight, place, axis=1), np.delete(own.bias, place)),
            self.layers[layer + 1]: Dense(np.delete(reader.weight, place, axis=0), reader.bias),
        }
        for i in range(self.layers[layer] + 1, self.layers[layer + 1]):
            _, op = self.steps[i]
            if isinstance(op, Arithmetic):
                changed[i] = Arithmetic(op.operator, np.delete(op.operand, place))
        copy = Chain(self.network())
        copy.steps = [(name, changed.get(i, op)) for i, (name, op) in enumerate(self.steps)]
        copy.who = [list(names) for names in self.who]
        del copy.who[layer][place]
        return copy


def rms(chain: Chain, inputs: FloatArray, wanted: FloatArray) -> float:
    """Root of the mean square over all rows and outputs."""
    outputs = chain.network().forward(inputs)
    total = 0.0
    for row in range(len(outputs)):
        for output in range(outputs.shape[1]):
            total += float(outputs[row, output] - wanted[row, output]) ** 2
    return float(np.sqrt(total / outputs.size))


def harms(network: Network, inputs: FloatArray, wanted: FloatArray) -> list[float]:
    """The error without each hidden neuron alone, lowest first."""
    chain = Chain(network)
    return sorted(
        rms(chain.without(layer, place), inputs, wanted)
        for layer in range(len(chain.who))
        for place in range(len(chain.who[layer]))
    )


def heaton_2008(
    network: Network, inputs: FloatArray, wanted: FloatArray, highest: float
) -> tuple[list[Neuron], float]:
    """Return who goes, in order, and the error then: the first without whom it is below a ceiling.

    Only the first hidden layer is looked at. After a removal the search begins again.
    """
    chain, gone = Chain(network), list[Neuron]()
    found = True
    while found:
        found = False
        for place in range(len(chain.who[0])):
            if len(chain.who[0]) == 1:
                break
            trial = chain.without(0, place)
            if rms(trial, inputs, wanted) < highest:
                gone.append((0, chain.who[0][place]))
                chain = trial
                found = True
                break
    return gone, rms(chain, inputs, wanted)


def heaton_2005(
    network: Network, inputs: FloatArray, wanted: FloatArray, tolerance: float
) -> tuple[list[Neuron], float]:
    """Return who goes, in order, and the error then: the first whose absence changes it by no more than this.

    The error that a trial is compared with is that of the network of now, whichever way it differs.
    """
    chain, gone = Chain(network), list[Neuron]()
    found = True
    while found:
        found = False
        error = rms(chain, inputs, wanted)
        for layer in range(len(chain.who)):
            for place in range(len(chain.who[layer])):
                if len(chain.who[layer]) == 1:
                    break
                trial = chain.without(layer, place)
                if abs(rms(trial, inputs, wanted) - error) <= tolerance:
                    gone.append((layer, chain.who[layer][place]))
                    chain = trial
                    found = True
                    break
            if found:
                break
    return gone, rms(chain, inputs, wanted)
