"""Small .tflite files as users have them, made with the schema's own objects, and a way to run any file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from augur_edge.models.tflite_schema import TYPE_NUMBERS, encode_tflite, schema
from augur_edge.network import Network
from augur_edge.zoo import Builder

Array = npt.NDArray[Any]


class Sample:
    """A model put together call by call; tensors are their indices."""

    def __init__(self) -> None:
        self.schema = schema()
        self.graph = self.schema.SubGraphT(tensors=[], operators=[], name="main")
        self.model = self.schema.ModelT(version=3, operatorCodes=[], buffers=[self.schema.BufferT()])
        self.model.subgraphs = [self.graph]

    def tensor(self, shape: Sequence[int], name: str | None = None, dtype: str = "float32") -> int:
        self.graph.tensors.append(self.schema.TensorT(list(shape), TYPE_NUMBERS[dtype], 0, name, hasRank=True))
        return len(self.graph.tensors) - 1

    def constant(self, values: Array, name: str | None = None) -> int:
        index = self.tensor(values.shape, name, values.dtype.name)
        self.graph.tensors[index].buffer = len(self.model.buffers)
        self.model.buffers.append(self.schema.BufferT(np.frombuffer(values.tobytes(), np.uint8)))
        return index

    def op(
        self,
        code: str,
        inputs: Sequence[int],
        outputs: Sequence[int],
        options: str = "",
        custom: str = "",
        **values: Any,
    ) -> None:
        number = getattr(self.schema.BuiltinOperator, code)
        self.model.operatorCodes.append(self.schema.OperatorCodeT(min(number, 127), custom or None, 1, number))
        op = self.schema.OperatorT(len(self.model.operatorCodes) - 1, list(inputs), list(outputs))
        if options:
            op.builtinOptionsType = getattr(self.schema.BuiltinOptions, options)
            op.builtinOptions = getattr(self.schema, options + "T")(**values)
        self.graph.operators.append(op)

    def bytes(self, inputs: Sequence[int], outputs: Sequence[int]) -> bytes:
        self.graph.inputs, self.graph.outputs = list(inputs), list(outputs)
        return encode_tflite(self.model)


def dynamic_batch() -> bytes:
    """Keras' export: the batch is open in every tensor but stored as 1."""
    s = Sample()
    x, y = s.tensor((1, 4, 4, 2), "image"), s.tensor((1, 2), "pooled")
    for t, signature in ((x, [-1, 4, 4, 2]), (y, [-1, 2])):
        s.graph.tensors[t].shapeSignature = signature
    s.op("MEAN", [x, s.constant(np.array([1, 2], np.int32), "axes")], [y], "ReducerOptions", keepDims=False)
    return s.bytes([x], [y])


def half_weights() -> bytes:
    """A float16 model: two layers read one weight that a DEQUANTIZE unpacks."""
    s = Sample()
    x, y, z = (s.tensor((1, 8), n) for n in ("x", "y", "z"))
    half = s.constant(np.linspace(-1, 1, 64, dtype=np.float16).reshape(8, 8), "w16")
    weight, bias = s.tensor((8, 8), "w32"), s.constant(np.full(8, 0.5, np.float32), "b")
    s.op("DEQUANTIZE", [half], [weight], "DequantizeOptions")
    s.op("FULLY_CONNECTED", [x, weight, bias], [y], "FullyConnectedOptions", fusedActivationFunction=1)
    s.op("FULLY_CONNECTED", [y, weight, bias], [z], "FullyConnectedOptions")
    return s.bytes([x], [z])


def two_graphs() -> bytes:
    """An IF with its two branches, between two plain operators."""
    s = Sample()
    x, flag, y, z = s.tensor((1, 2), "x"), s.tensor((), "flag", "bool"), s.tensor((1, 2), "y"), s.tensor((1, 2), "z")
    w = s.tensor((1, 2), "w")
    s.op("RELU", [x], [y])
    s.op("IF", [flag, y], [z], "IfOptions", thenSubgraphIndex=1, elseSubgraphIndex=2)
    s.op("TANH", [z], [w])
    for code in ("ABS", "NEG"):
        number = getattr(s.schema.BuiltinOperator, code)
        s.model.operatorCodes.append(s.schema.OperatorCodeT(number, None, 1, number))
        branch = s.schema.SubGraphT([s.schema.TensorT([1, 2], name="i"), s.schema.TensorT([1, 2], name="o")], [0], [1])
        branch.operators = [s.schema.OperatorT(len(s.model.operatorCodes) - 1, [0], [1])]
        s.model.subgraphs.append(branch)
    return s.bytes([flag, x], [w])


def unnamed_with_a_custom_op() -> bytes:
    """No tensor has a name, two share one, and one operator is the user's own."""
    s = Sample()
    x, y, z, w = (s.tensor((1, 3)) for _ in range(4))
    s.graph.tensors[z].name = s.graph.tensors[w].name = "same"
    s.op("RELU6", [x], [y])
    s.op("CUSTOM", [y], [z], custom="MyFancyOp_v2")
    s.op("ADD", [z, z], [w], "AddOptions")
    return s.bytes([x], [w])


def with_state() -> bytes:
    """An SVDF, which keeps a variable tensor from call to call, and a dense layer with int8 weights on floats."""
    s = Sample()
    x, y, z = s.tensor((1, 3), "x"), s.tensor((1, 4), "y"), s.tensor((1, 2), "z")
    state = s.tensor((1, 8), "state")
    s.graph.tensors[state].isVariable = True
    features, time = (s.constant(np.full(shape, 0.5, np.float32)) for shape in ((4, 3), (4, 2)))
    s.op("SVDF", [x, features, time, -1, state], [y], "SVDFOptions", rank=1)
    weight = s.constant(np.full((2, 4), 100, np.int8), "w8")
    s.graph.tensors[weight].quantization = s.schema.QuantizationParametersT(scale=[0.01], zeroPoint=[0])
    s.op("FULLY_CONNECTED", [y, weight, -1], [z], "FullyConnectedOptions")
    return s.bytes([x], [z])


def small_network(name: str = "small") -> Network:
    """A bit of everything the zoo has, 12 pixels wide."""
    b = Builder(name, (1, 3, 12, 12))
    x = b.relu(b.batch_norm(b.conv(b.input, 8, 3, stride=2, padding=1)))
    x = b.add(x, b.activation(b.batch_norm(b.depthwise(x, 3, padding=1)), "hard_swish"))
    x = b.concat([b.max_pool(x, 3, 2, ceil_mode=True), b.avg_pool(x, 2, 2)])
    x = b.mul(x, b.activation(b.conv(b.global_avg_pool(x), 16, 1, bias=True), "hard_sigmoid"))
    x = b.conv(x, 16, 3, padding=1, groups=4)
    x = b.transpose(b.reshape(x, (1, 16, 9)), (0, 2, 1))
    x = b.layer_norm(b.add_constant(b.prepend_constant(x)))
    q, k = b.split(b.dense(x, 32), 2, axis=2)
    y = b.matmul(b.softmax(b.matmul(q, b.transpose(k, (0, 2, 1)))), b.activation(x, "gelu"))
    x = b.add(x, b.activation(b.scale(y, 0.5), "swish"))
    return b.network(b.dense(b.flatten(b.slice(x, (0, 0, 0), (1, 1, 16))), 5))


def run(data: bytes, inputs: Sequence[Array], *, delegate: bool = True, keep: bool = False) -> Any:
    """An interpreter that has run once; keep: with the tensors between operators."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    resolver = OpResolverType.AUTO if delegate else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(
        model_content=data,
        num_threads=1,
        experimental_op_resolver_type=resolver,
        experimental_preserve_all_tensors=keep,
    )
    interpreter.allocate_tensors()
    for detail, values in zip(interpreter.get_input_details(), inputs):
        interpreter.set_tensor(detail["index"], values)
    interpreter.invoke()
    return interpreter


def outputs(interpreter: Any) -> list[Array]:
    return [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]


def inputs_for(data: bytes, seed: int = 0) -> list[Array]:
    """Normal values for each input, in the scale of int8 ones."""
    from ai_edge_litert.interpreter import Interpreter

    rng, made = np.random.default_rng(seed), []
    for detail in Interpreter(model_content=data).get_input_details():
        values = rng.standard_normal(detail["shape"]).astype(np.float32)
        if detail["dtype"] == np.int8:
            scale, zero = detail["quantization"]
            values = np.clip(np.rint(values / scale) + zero, -128, 127).astype(np.int8)
        made.append(values)
    return made
