"""Which of the user's nodes each node of a runtime's optimised graph stands for.

The runtime keeps the names of tensors that survive; where it lays data out anew or fuses, it makes up names. So
the made-up tensors are first led back to the user's own: from their readers, because a fused convolution reads what
the user's convolution reads, and by the names the runtime derives from the user's. Then each optimised node claims
what lies between the tensors it writes and those it reads.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable

from augur_edge.models.onnx_graph import GraphProto, ModelProto, NodeProto

_REORDERS = frozenset({"ReorderInput", "ReorderOutput"})
_MOVES = _REORDERS | {"Reshape", "Transpose", "Cast", "Squeeze", "Unsqueeze", "Identity", "Flatten"}
_BASE = {
    "FusedConv": "Conv", "ConvInteger": "Conv", "FusedGemm": "Gemm", "QGemm": "Gemm", "FusedMatMul": "MatMul",
    "MatMulInteger": "MatMul", "Upsample": "Resize",
}  # fmt: skip
_ALSO = {"Gemm": ("Gemm", "MatMul"), "Resize": ("Resize", "Upsample")}
_SHAPES = frozenset({"Shape", "Size", "Constant"})


def node_names(model: ModelProto) -> list[str]:
    """A name for each node of the user's graph, each different: its own, else `<OpType>_<index>`."""
    seen: set[str] = set()
    out = []
    for i, node in enumerate(model.graph.nodes):
        name = node.name if node.name and node.name not in seen else f"{node.op_type}_{i}"
        while name in seen:
            name += "_"
        seen.add(name)
        out.append(name)
    return out


def source_nodes(original: ModelProto, optimised: ModelProto) -> list[tuple[str, ...]]:
    """For each node of the optimised graph, the names (`node_names`) of the user's nodes it does the work of.

    A user's node belongs to one optimised node, unless that needs helpers: what only moves data to or from it
    (reorders, reshapes the user has not) names the nodes it serves. What the runtime computes ahead is nobody's.
    """
    user = _User(original.graph)
    claims: list[list[int]] = [[] for _ in optimised.graph.nodes]
    for mine, owner in _claims(user, optimised.graph, _origins(user, optimised.graph)).items():
        claims[owner].append(mine)
    _lend(user, optimised.graph, claims)
    names = node_names(original)
    return [tuple(names[i] for i in sorted(claim)) for claim in claims]


def user_tensors(original: ModelProto, optimised: ModelProto) -> dict[str, str]:
    """The user's tensor behind each tensor of the optimised graph, as far as it can be told.

    What only moves or rounds data stands between some of them, so their shapes and dtypes may differ.
    """
    return _origins(_User(original.graph), optimised.graph)


class _User:
    """The user's graph: who writes and reads each tensor, and which nodes are computed ahead."""

    def __init__(self, graph: GraphProto):
        self.nodes = graph.nodes
        self.writer = {t: i for i, n in enumerate(graph.nodes) for t in n.outputs if t}
        self.by_name = {n.name: i for i, n in enumerate(graph.nodes) if n.name}
        self.inputs = {v.name for v in graph.inputs} - set(graph.initializers)
        constant = set(graph.initializers)
        self.ahead: set[int] = set()
        for i, node in enumerate(graph.nodes):
            if node.op_type in _SHAPES or all(not t or t in constant for t in node.inputs):
                self.ahead.add(i)
                constant.update(node.outputs)

    def known(self, tensor: str) -> bool:
        """Whether it is an activation of the user's graph."""
        return tensor in self.inputs or tensor in self.writer

    def back(self, tensor: str, stop: Iterable[str] = ()) -> Iterable[tuple[int, str]]:
        """Nodes behind `tensor`, nearest first, each with the tensor it was reached by; not beyond `stop`."""
        seen, queue = {*stop}, deque([tensor])
        while queue:
            at = queue.popleft()
            writer = self.writer.get(at)
            if writer is None or writer in self.ahead:
                continue
            yield writer, at
            for name in self.nodes[writer].inputs:
                if name and name not in seen:
                    seen.add(name)
                    queue.append(name)


def _is_helper(user: _User, node: NodeProto, origin: dict[str, str]) -> bool:
    """Whether `node` only moves data, where the user has no such node."""
    if node.op_type not in _MOVES:
        return False
    same = user.by_name.get(node.name)
    if same is not None and user.nodes[same].op_type == node.op_type:
        return False
    writer = user.writer.get(origin.get(node.outputs[0], ""))
    return node.op_type in _REORDERS or writer is None or user.nodes[writer].op_type not in _MOVES


def _origins(user: _User, graph: GraphProto) -> dict[str, str]:
    """The user's tensor behind each tensor of the optimised graph, as far as it can be told."""
    tensors = {t for n in graph.nodes for t in (*n.inputs, *n.outputs)}
    origin = {t: t for t in tensors if user.known(t)}
    for node in reversed(graph.nodes):
        for place, tensor in enumerate(node.outputs):
            if tensor and tensor not in origin:
                guess = _by_name(user, node, place)
                if guess:
                    origin[tensor] = guess
        written = origin.get(node.outputs[0])
        if written is None:
            continue
        if _is_helper(user, node, origin):
            origin.setdefault(node.inputs[0], written)
        else:
            for tensor, source in _operands(user, node, written):
                if tensor not in graph.initializers and user.known(source):
                    origin.setdefault(tensor, source)
    for node in graph.nodes:
        if node.op_type in _MOVES and node.inputs[0] in origin:
            origin.setdefault(node.outputs[0], origin[node.inputs[0]])
    return origin


def _blocked_name(user: _User, node: NodeProto) -> tuple[str | None, str]:
    """The user's tensor in the name `<tensor>_nchwc`, and the op that wrote it before anything was fused after it.

    `<tensor>_bn_nchwc` is a batch normalisation that runs as a convolution.
    """
    tensor = re.sub(r"_nchwc(_token_\d+)?$", "", node.name)
    if tensor == node.name:
        return None, node.op_type
    if tensor not in user.writer and tensor.endswith("_bn"):
        return tensor[:-3] if tensor[:-3] in user.writer else None, "BatchNormalization"
    return tensor if tensor in user.writer else None, node.op_type


def _by_name(user: _User, node: NodeProto, place: int) -> str | None:
    """From the node's name: `<tensor>_nchwc`, a user's node's name, or one with a suffix."""
    tensor, _ = _blocked_name(user, node)
    if tensor is not None:
        return tensor
    name = node.name
    while name:
        writer = user.by_name.get(name)
        if writer is not None and place < len(user.nodes[writer].outputs):
            return user.nodes[writer].outputs[place]
        name = re.sub(r"[^A-Za-z0-9]*[A-Za-z0-9]*$", "", name) if name[-1].isalnum() else name[:-1]
    return None


def _operands(user: _User, node: NodeProto, written: str) -> list[tuple[str, str]]:
    """What the node reads, each with what the user's node of the same kind reads in its place.

    A convolution's fourth input is the other operand of the addition that it does as well.
    """
    hint, op_type = _blocked_name(user, node)
    plain = re.sub("^(QLinear|Nhwc)", "", op_type)
    base = _BASE.get(plain, plain)
    path = list(user.back(written))[:8]
    anchors = [w for w, _ in path if user.nodes[w].op_type in _ALSO.get(base, (base,))]
    if not anchors:
        return []
    named = [w for w in anchors if hint in user.nodes[w].outputs or user.nodes[w].name == node.name]
    anchor = user.nodes[(named or anchors)[0]]
    if base == "BatchNormalization":
        return [(node.inputs[0], anchor.inputs[0])]
    if base != "Conv":
        return list(zip(_data(node), anchor.inputs))
    pairs = [(node.inputs[0], anchor.inputs[0])]
    sums = [user.nodes[w] for w, _ in path if user.nodes[w].op_type in {"Add", "Sum"}]
    if len(node.inputs) > 3 and sums:
        others = [t for t in sums[0].inputs if user.writer.get(t) != user.writer.get(anchor.outputs[0])]
        pairs += [(node.inputs[3], t) for t in others[:1]]
    return pairs


def _data(node: NodeProto) -> list[str]:
    """The tensors a node reads, without the scales and zero points that stand between them."""
    if node.op_type == "QLinearConcat":
        return node.inputs[2::3]
    return node.inputs[::3] if node.op_type.startswith(("QLinear", "QGemm")) else node.inputs


def _claims(user: _User, graph: GraphProto, origin: dict[str, str]) -> dict[int, int]:
    """The optimised node that each of the user's nodes belongs to."""
    bounds = set(origin.values())
    owners: dict[int, int] = {}
    for i, node in enumerate(graph.nodes):
        if _is_helper(user, node, origin):
            continue
        for tensor in node.outputs:
            written = origin.get(tensor)
            if written is not None:
                for writer, _ in user.back(written, bounds):
                    owners.setdefault(writer, i)
    _claim_the_rest(user, owners)
    return owners


def _claim_the_rest(user: _User, owners: dict[int, int]) -> None:
    """What is left was fused: into the last of its inputs' owners to run, or else into a reader's."""
    order = [i for i in range(len(user.nodes)) if i not in user.ahead]
    for i in order:
        if i not in owners:
            before = [owners[w] for t in user.nodes[i].inputs if (w := user.writer.get(t, -1)) in owners]
            if before:
                owners[i] = max(before)
    readers: dict[str, list[int]] = {}
    for i in reversed(order):
        if i not in owners:
            after = [owners[r] for t in user.nodes[i].outputs for r in readers.get(t, []) if r in owners]
            if after:
                owners[i] = min(after)
        for t in user.nodes[i].inputs:
            readers.setdefault(t, []).append(i)


def _lend(user: _User, graph: GraphProto, claims: list[list[int]]) -> None:
    """Nodes without a claim get that of the node they serve: who wrote their input, if they write a tensor of the
    user's, else who reads their output."""
    writer = {t: i for i, n in enumerate(graph.nodes) for t in n.outputs if t}
    reader: dict[str, int] = {}
    for i, node in enumerate(graph.nodes):
        for t in node.inputs:
            reader.setdefault(t, i)
    order = [i for i in range(len(claims)) if not claims[i]]
    for i in (*order, *reversed(order)):  # once down and once up: what they serve may be lent its claim too
        before = [writer[t] for t in graph.nodes[i].inputs if t in writer]
        after = [reader[t] for t in graph.nodes[i].outputs if t in reader]
        choice = [*before, *after] if user.known(graph.nodes[i].outputs[0]) else [*after, *before]
        claims[i] = claims[i] or next((claims[c] for c in choice if claims[c]), [])
