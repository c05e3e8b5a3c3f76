"""Puts a TFLite graph together: tensors, constants with seeded values, operators."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from augur_edge.layers import Shape
from augur_edge.models.synthetic import uniform
from augur_edge.models.tflite_ranges import Range
from augur_edge.models.tflite_schema import TYPE_NUMBERS, encode_tflite, schema

# Versions from which the kernels take int8; operators not named here take it from version 1. Float graphs say 1.
_INT8_VERSIONS = {
    "CONV_2D": 3, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 4, "RESIZE_BILINEAR": 3, "RESIZE_NEAREST_NEIGHBOR": 3,
    **dict.fromkeys(
        ("ADD", "SUB", "MUL", "AVERAGE_POOL_2D", "MAX_POOL_2D", "BATCH_MATMUL", "CONCATENATION", "LOGISTIC", "MEAN",
         "PAD", "PADV2", "SOFTMAX", "TANH", "TRANSPOSE", "SLICE", "SPLIT", "SQUARED_DIFFERENCE", "RSQRT", "RELU",
         "RELU6", "GELU", "MAXIMUM", "MINIMUM", "LEAKY_RELU", "REDUCE_MAX", "STRIDED_SLICE", "TRANSPOSE_CONV"), 2
    ),
}  # fmt: skip


class _Scales(NamedTuple):
    """Quantisation: one scale and zero point, or one for each place on `axis`."""

    scale: Sequence[float]
    zero_point: Sequence[int]
    axis: int = 0


class Emitter:
    """One graph in the making. dtype: of activations; weights are then float32, or int8 with int32 biases."""

    def __init__(self, dtype: str, seed: int) -> None:
        self._schema = schema()
        self.dtype = dtype
        self._seed = seed
        self._model = self._schema.ModelT(version=3, operatorCodes=[], buffers=[self._schema.BufferT()])
        self._graph = self._schema.SubGraphT(tensors=[], operators=[], name="main")
        self._codes: dict[str, int] = {}

    def finish(self, inputs: Sequence[int], outputs: Sequence[int], description: str) -> bytes:
        """The file. inputs, outputs: tensors by the numbers the methods below returned."""
        self._graph.inputs, self._graph.outputs = list(inputs), list(outputs)
        self._model.subgraphs, self._model.description = [self._graph], description
        return encode_tflite(self._model)

    def activation_number(self, name: str) -> int:
        """The schema's number of a fused activation, `RELU6`."""
        return int(getattr(self._schema.ActivationFunctionType, name))

    def shape(self, tensor: int) -> Shape:
        """Shape of a tensor made so far."""
        return tuple(self._graph.tensors[tensor].shape)

    def activation(self, name: str, shape: Shape, values: Range) -> int:
        """A tensor that an operator writes; `values` gives its int8 scale."""
        return self._tensor(name, shape, self.dtype, None, self._quantisation(values))

    def integers(self, name: str, values: npt.ArrayLike) -> int:
        """An int32 constant: axes, sizes, paddings."""
        array = np.asarray(values, np.int32)
        return self._tensor(name, array.shape, "int32", array)

    def constant(self, name: str, shape: Shape, std: float, mean: float = 0.0, values: Range | None = None) -> int:
        """A constant operand of random values; int8: in the scale of their own range, or of `values`."""
        reach = sqrt(3) * std
        scales = self._quantisation(values or Range(mean - reach, mean + reach))
        return self._operand(name, uniform(self._seed, name, shape, std, mean), scales)

    def filled(self, name: str, shape: Shape, value: float) -> int:
        """A constant operand that holds one number everywhere."""
        array = np.full(shape, value, np.float32)
        return self._operand(name, array, self._quantisation(Range(min(value, 0.0), max(value, 0.0))))

    def like(self, name: str, tensor: int, value: float) -> int:
        """A scalar constant in the scale of another tensor, which int8 padding needs."""
        found = self._graph.tensors[tensor].quantization
        return self._operand(name, np.full((), value, np.float32), found and _Scales(found.scale, found.zeroPoint))

    def _operand(self, name: str, array: npt.NDArray[Any], scales: _Scales | None) -> int:
        if scales is not None:
            array = np.clip(np.rint(array / scales.scale[0]) + scales.zero_point[0], -128, 127).astype(np.int8)
        return self._tensor(name, array.shape, self.dtype, array, scales)

    def weights(self, name: str, shape: Shape, std: float, channel_axis: int) -> int:
        """Weights of that standard deviation; int8: a symmetric scale for each place on `channel_axis`."""
        if self.dtype == "float32":
            return self._tensor(name, shape, "float32", uniform(self._seed, name, shape, std))
        n_channels = shape[channel_axis]
        # Integers from -127 to 127 have a standard deviation of 73.3. No two channels have the same scale.
        scales = std / 73.3 * uniform(self._seed, f"{name}.scales", (n_channels,), 0.1, 1.0)
        array = np.random.default_rng([self._seed, len(self._graph.tensors)]).integers(-127, 128, shape, np.int8)
        return self._tensor(name, shape, "int8", array, _Scales(scales.tolist(), [0] * n_channels, channel_axis))

    def bias(self, name: str, source: int, weights: int, size: int, std: float) -> int:
        """One value per channel, of that standard deviation; int8: int32 of scale input times weights."""
        array = uniform(self._seed, name, (size,), std)
        if self.dtype == "float32":
            return self._tensor(name, (size,), "float32", array)
        input_scale = self._graph.tensors[source].quantization.scale[0]
        scales = [input_scale * s for s in self._graph.tensors[weights].quantization.scale]
        return self._tensor(
            name, (size,), "int32", np.rint(array / scales).astype(np.int32), _Scales(scales, [0] * size)
        )

    def operator(
        self, code: str, inputs: Sequence[int], outputs: Sequence[int], options: str = "", **values: Any
    ) -> None:
        """One operator. code: `CONV_2D`; options: its table in the schema, `Conv2DOptions`, which holds `values`."""
        op = self._schema.OperatorT(opcodeIndex=self._code(code), inputs=list(inputs), outputs=list(outputs))
        if options:
            op.builtinOptionsType = getattr(self._schema.BuiltinOptions, options)
            op.builtinOptions = getattr(self._schema, options + "T")(**values)
        self._graph.operators.append(op)

    def _code(self, code: str) -> int:
        if code not in self._codes:
            number = getattr(self._schema.BuiltinOperator, code)
            version = _INT8_VERSIONS.get(code, 1) if self.dtype == "int8" else 1
            # Readers from before operator 127 look at the one-byte field.
            entry = self._schema.OperatorCodeT(min(number, 127), None, version, number)
            self._codes[code] = len(self._model.operatorCodes)
            self._model.operatorCodes.append(entry)
        return self._codes[code]

    def _quantisation(self, values: Range) -> _Scales | None:
        if self.dtype == "float32":
            return None
        scale, zero_point = values.quantisation
        return _Scales([scale], [zero_point])

    def _tensor(
        self, name: str, shape: Shape, dtype: str, array: npt.NDArray[Any] | None = None, scales: _Scales | None = None
    ) -> int:
        tensor = self._schema.TensorT(list(shape), TYPE_NUMBERS[dtype], 0, name, hasRank=True)
        if scales is not None:
            tensor.quantization = self._schema.QuantizationParametersT(
                scale=list(scales.scale), zeroPoint=list(scales.zero_point), quantizedDimension=scales.axis
            )
        if array is not None:
            tensor.buffer = len(self._model.buffers)
            data = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
            self._model.buffers.append(self._schema.BufferT(data))
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1
