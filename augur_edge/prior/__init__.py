"""The prior: random layers as real networks have them, to sample a device, to distil on, and to adapt with.

A layer is drawn in three steps: a family of its kind (`sampled.FAMILIES`, with shares); an octave of cost, each
octave of the family's range equally likely; then dimensions, again and again, until the cost lies in that octave. So
cost is close to log-uniform, and neither the dearest layers nor the cheapest crowd out the rest. No layer is above
MAX_MACS or MAX_BYTES. All layers have batch 1 and are float32.

| dimension | values |
|---|---|
| channels | 1 to 2048, on the block sizes 4, 8, 16 and 32, seldom off them |
| pixels | 7 to 224, not always square; stems 96 to 320 pixels and mostly 3 channels; gates 1 pixel |
| kernel | 1 to 7, mostly 3 and 5, one in fourteen oblong; stems also 8, 11 and 16 |
| stride | 1, 2, seldom 3; stems also 4 and, into patches, their kernel |
| padding | half the kernel, none, or SAME; one in twenty with stride 1 dilated by 2 |
| dense | 4 to 25088 features in (flattened maps), 1 to 4096 out; 1 to 1024 tokens |
| matmul | 1 to 16 heads of 16 to 128 features, 1 to 1024 tokens |
| fused | relu, relu6 or nothing, which every runtime fuses; a residual for one convolution in eight |
"""

from augur_edge.prior.chains import sample_chains
from augur_edge.prior.sampled import KINDS, MAX_BYTES, MAX_MACS, affordable, kind_of, parse_spec, sample_layers
from augur_edge.prior.single import layer_network

__all__ = [
    "KINDS",
    "MAX_BYTES",
    "MAX_MACS",
    "affordable",
    "kind_of",
    "layer_network",
    "parse_spec",
    "sample_chains",
    "sample_layers",
]
