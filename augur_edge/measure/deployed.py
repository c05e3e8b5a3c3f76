"""The layers that a network consists of once a runtime has deployed it, without timing any."""

from __future__ import annotations

from collections import Counter

from augur_edge import console
from augur_edge.errors import UsageError
from augur_edge.layers import Layer
from augur_edge.measure.targets import FORMATS, LayerSet, Request, resolve


def deployed_layers(net: str, request: Request) -> list[tuple[str, Layer]]:
    """Names and layers, fused and laid out as the runtime does it on this machine, in the order they run.

    net: as `measure` takes it. Layers whose work is unknown are left out, which is said. Raises UsageError for a name
    that is none, MissingExtraError where the runtime is not installed, DataError or InferenceError where it cannot load
    the network.
    """
    target = resolve(net, request)
    if isinstance(target, LayerSet):
        return [(f"row {i}", layer) for i, layer in enumerate(target.layers, 1)]
    if FORMATS[target.runtime] == "onnx":
        from augur_edge.runtime import ort_cut

        graph, _ = ort_cut.cut(target.model(), request.options)
    elif FORMATS[target.runtime] == "tflite":
        from augur_edge.runtime import litert

        graph = litert.cut(target.model())
    else:
        raise UsageError(f"--runtime {target.runtime} deploys nothing")
    unknown = Counter(layer.op for layer in graph.layers if layer.spec is None)
    if unknown:
        ops = ", ".join(f"{n} {op}" for op, n in unknown.most_common(5))
        console.warn(f"{net}: layers whose work is not known are left out, so a total of the others is too low: {ops}")
    return [(layer.name, layer.spec) for layer in graph.layers if layer.spec is not None]
