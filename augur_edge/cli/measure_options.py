"""The options of `augur-edge measure`, and which of them a run keeps."""

from __future__ import annotations

import argparse

from augur_edge.cli import guard_options, values

NETWORK_TIME_S = 15.0
LAYER_TIME_S = 0.2
MODES = ["replay", "isolated", "profiler", "whole"]
KEPT = (
    "nets", "sample", "suggested", "space", "count", "order", "seed", "mode", "runtime", "delegate", "batch", "dtype",
    "threads", "shape", "precision", "max_time", "no_isolated", "affinity", "priority", "lock_memory", "energy",
    *guard_options.KEPT,
)  # fmt: skip
"""What of the command line a run keeps, so that `--resume` measures the same."""
CHANGEABLE = ("precision", "max_time", *guard_options.CHANGEABLE)
_MODE = "see above (default: replay, for single layers isolated, for --space whole)"
_PRIORITY = "scheduling class; auto: fifo where it is allowed and a processor stays free for the rest of the system"
_AFFINITY = "processors to stay on: numbers, or a cluster: big, mid or little (default: any)"
_DELEGATE = (
    "onnxruntime: cpu (default), xnnpack, nnapi, cuda or tensorrt, where its build has them; litert: xnnpack; edgetpu: "
    "the path of libedgetpu (default: where systems put it); tensorrt: gpu (default) or fp16"
)
_ENERGY = (
    "measure energy, too: auto (the default where nothing is named), ina3221, pmic, rapl, ina2xx, battery, termux, or "
    "meter:PATH,baud=N,columns=voltage_v+current_a for a stream of CSV lines"
)
_MAX_TIME = (
    f"stop anyway after this many seconds, per network (default: {NETWORK_TIME_S:g}) or per single layer "
    f"(default: {LAYER_TIME_S:g})"
)


def add_what(parser: argparse.ArgumentParser) -> None:
    """Networks, model files, samples of layers."""
    what = parser.add_argument_group("what")
    what.add_argument("nets", nargs="*", metavar="NET", help="networks, model files, CSVs of layers, architectures")
    what.add_argument("--sample", metavar="KIND:N,…", help="measure random layers, say conv2d:400,dense:50,pool:30")
    what.add_argument(
        "--suggested", metavar="FILE", help="measure the layers or architectures that `adapt --suggest N -o FILE` wrote"
    )
    what.add_argument("--space", metavar="NAME", help="measure architectures of a search space, as nasbench201")
    what.add_argument("--count", type=int, metavar="N", help="architectures of --space (default: all)")
    what.add_argument("--order", choices=["random", "index"], default="random", help="of --space; index is Eagle's")
    what.add_argument("--resume", nargs="?", const="", metavar="RUN", help="go on with an interrupted run")
    what.add_argument("--batch", type=values.numbers, default=[1], metavar="N,…", help="batch sizes of named networks")
    what.add_argument("--dtype", choices=["float32", "int8"], default="float32", help="of named networks")
    what.add_argument("--shape", action="append", default=[], metavar="NAME=1,3,…", help="shape of a dynamic input")
    what.add_argument("--seed", type=int, default=0, help="of the sample and of the order of isolated layers")


def add_how(parser: argparse.ArgumentParser) -> None:
    """Runtime, threads, process, protocol."""
    how = parser.add_argument_group("how")
    how.add_argument(
        "--runtime",
        metavar="NAME",
        help="onnxruntime, litert, tflite_runtime, edgetpu or tensorrt (default: the first installed)",
    )
    how.add_argument("--delegate", metavar="NAME", help=_DELEGATE)
    how.add_argument("--threads", type=values.numbers, default=[1], metavar="N,…", help="threads within an operator")
    how.add_argument("--affinity", type=values.processors, metavar="CPU,…", help=_AFFINITY)
    how.add_argument("--priority", choices=["auto", "normal", "fifo"], default="auto", help=_PRIORITY)
    how.add_argument("--lock-memory", action="store_true", help="keep all memory from being paged out, if allowed")
    how.add_argument("--mode", choices=MODES, help=_MODE)
    how.add_argument("--no-isolated", action="store_true", help="do not time layers alone beside the replay")
    how.add_argument(
        "--precision",
        type=values.share,
        default=0.01,
        help="a layer stops when its 95 %% interval is within ± this share",
    )
    how.add_argument("--max-time", type=values.seconds, metavar="S", help=_MAX_TIME)
    how.add_argument("--energy", nargs="?", const="auto", metavar="SENSOR", help=_ENERGY)


def add_device(parser: argparse.ArgumentParser) -> None:
    """What state the device has to be in."""
    guard_options.add(parser)


def add_output(parser: argparse.ArgumentParser) -> None:
    """What is printed, and the exit code."""
    out = parser.add_argument_group("output")
    out.add_argument("--json", action="store_true", help="print one JSON document (augur-edge/measure/1)")
    out.add_argument("--strict", action="store_true", help="exit with 3 if the device was not steady")
    out.add_argument("--dry-run", action="store_true", help="say what would be measured and how long it takes")
