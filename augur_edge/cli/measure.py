"""`augur-edge measure`."""

from __future__ import annotations

import argparse
import json
import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augur_edge import console
from augur_edge.cli import measure_options as options
from augur_edge.cli import values
from augur_edge.cli.guard_options import guard_for
from augur_edge.cli.measure_options import CHANGEABLE, KEPT, LAYER_TIME_S, NETWORK_TIME_S
from augur_edge.errors import DeviceNotReadyError, UnsteadyError, UsageError

if TYPE_CHECKING:
    from augur_edge.measure.energy import Meter
    from augur_edge.measure.run import Job
    from augur_edge.measure.settings import Settings
    from augur_edge.measure.targets import LayerSet, Request, Target
    from augur_edge.store import RunRecord, Store


class MeasureCommand:
    """Measure every layer of a network as the runtime really executes it, into the store.

    NET is a .onnx or .tflite file, the name of a network (resnet18), a CSV of layers in Augur's format, or an
    architecture of a search space (nasbench201:|nor_conv_3x3~0|+…, nasbench201:#15624, fbnet:7,7,8,…).

    modes:
      replay    the layers one by one in the network's order, through shared memory: they add up to the network
      isolated  each layer in a loop of its own, its data in the caches
      profiler  what the runtime's own profiler says
      whole     the network in one call, none of its layers; what a search space is measured in

    examples:
      augur-edge measure resnet18
      augur-edge measure my_model.onnx --shape input=1,3,224,224 --threads 1,2
      augur-edge measure --space nasbench201 --count 100 --seed 0 --max-time 1
      augur-edge measure --sample conv2d:400,dense:50 --seed 0
      augur-edge measure resnet18 --energy
    """

    name = "measure"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        options.add_what(parser)
        options.add_how(parser)
        options.add_device(parser)
        options.add_output(parser)

    def run(self, args: argparse.Namespace) -> int:
        from augur_edge.store import Store

        if not (args.nets or args.sample or args.suggested or args.space) and args.resume is None:
            raise UsageError("nothing to measure: name a network (resnet18), a model file, or --sample conv2d:100")
        if args.dry_run and args.json:
            raise UsageError("--dry-run has lines for people only; leave --json away")
        if args.dry_run:
            print(_preview(args))
            return 0
        with Store(args.store) as store:
            if args.resume is None:
                run = new_run(args)
            else:
                run = _resumed(args, store)
                console.talk(f"going on with run {run.id}")
            run = measure_run(_as_planned(args, run), store, run)
        _print(run, args.json, args.store)
        return _exit_code(run, args.strict)


def _preview(args: argparse.Namespace) -> str:
    """What would be measured, or what is left of it where a run would be resumed."""
    from augur_edge.measure.preview import preview
    from augur_edge.store import Store

    complete = set()
    if args.resume is not None:
        with Store(args.store, create=False) as store:
            run = _resumed(args, store)
        complete = {network.index for network in run.networks if network.info.get("complete")}
        args = _as_planned(args, run)
    _check_threads(args)
    left = [target for i, target in enumerate(_targets(args)) if i not in complete]
    return preview(left, partial(_settings, args))


def _as_planned(args: argparse.Namespace, run: RunRecord) -> argparse.Namespace:
    return argparse.Namespace(**{**vars(args), **run.plan})


def new_run(args: argparse.Namespace) -> RunRecord:
    """A run that is not stored yet, with the device as it will be while measuring."""
    import time

    from augur_edge import device
    from augur_edge.store import new_run_id
    from augur_edge.store.records import RunRecord

    plan = {name: getattr(args, name) for name in KEPT}
    plan["nets"] = [str(Path(net).resolve()) if Path(net).is_file() else net for net in args.nets]
    plan["suggested"] = str(Path(args.suggested).resolve()) if args.suggested else None
    return RunRecord(new_run_id(), time.time_ns(), device.identify(args.sysroot).id, "running", {}, plan)


def _resumed(args: argparse.Namespace, store: Store) -> RunRecord:
    """The run to go on with: the one named, else the newest that was interrupted."""
    from augur_edge import device

    here = device.identify(args.sysroot).id
    waiting = [run for run in store.interrupted() if run.device == here]
    if not args.resume and not waiting:
        raise UsageError("nothing to resume: no run was interrupted")
    if args.nets or args.sample or args.suggested or args.space:
        raise UsageError("--resume measures what its run began; leave NET, --sample, --suggested and --space away")
    run = store.load(store.resolve(args.resume) if args.resume else waiting[0].id)
    if run.device != here:
        raise UsageError(f"run {run.id} was begun on {run.device}, this is {here}: its samples cannot be mixed")
    if run.status in {"done", "failed"}:
        raise UsageError(f"run {run.id} is {run.status}; `augur-edge show {run.id}` shows it")
    run.plan.update(_changes(args, run))
    return run


def _changes(args: argparse.Namespace, run: RunRecord) -> dict[str, Any]:
    """Options of this command line that take the place of the run's; UsageError for those that cannot."""
    given = {name: getattr(args, name) for name in KEPT if name in args.given}
    for name, value in given.items():
        if name not in CHANGEABLE and value != run.plan.get(name):
            raise UsageError(
                f"{_flag(name)}: not as run {run.id} was begun, and samples of both cannot be mixed; "
                f"with --resume only {', '.join(map(_flag, CHANGEABLE))} can be others"
            )
    return {name: given[name] for name in CHANGEABLE if name in given}


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def measure_run(args: argparse.Namespace, store: Store, run: RunRecord) -> RunRecord:
    """What the options name, under the conditions asked for, which are recorded; those refused are said."""
    from augur_edge import device, timing
    from augur_edge.measure.process import prepared
    from augur_edge.measure.run import Job

    _check_threads(args)
    targets = _targets(args)
    with prepared(args.affinity, args.priority, args.lock_memory, max(args.threads)) as granted:
        for what, why in granted["refused"].items():
            if args.priority != "auto" or what != "priority":
                console.warn(f"--{what.replace('_', '-')}: not allowed here ({why}); going on without")
        context = {**device.context(root=args.sysroot), "timer": timing.clock(), "process": granted}
        run.context = {**context, **({"first": run.context} if run.context else {})}
        guard = guard_for(args, context)
        job = Job(store, run, partial(_settings, args), targets, guard, args.sysroot, meter=_meter(args))
        return _execute(job)


def _check_threads(args: argparse.Namespace) -> None:
    from augur_edge import timing

    processors = len(args.affinity or timing.get_affinity())
    if max(args.threads) > processors:
        raise UsageError(f"--threads {max(args.threads)}: there are {processors} processors to run on here")


def _meter(args: argparse.Namespace) -> Meter | str:
    """The power sensor asked for, calibrated, or why there is none; PowerError for one that was named."""
    from augur_edge import device, timing
    from augur_edge.device import power
    from augur_edge.errors import PowerError
    from augur_edge.measure.energy import Meter, cpus_for_sampling
    from augur_edge.measure.run import NO_POWER

    if args.energy is None:
        return NO_POWER
    known = device.pick(device.identify(args.sysroot)).power
    try:
        sensor = power.choose(args.energy, args.sysroot, known.sensors if known else ())
        return Meter(sensor, cpus_for_sampling(tuple(timing.get_affinity())))
    except PowerError as e:
        if args.energy != "auto":
            raise
        console.warn(f"no energy: {e}; latency is measured all the same")
        return str(e)


def _execute(job: Job) -> RunRecord:
    total = len(job.targets)
    with console.Progress(total, "measuring", "networks") as progress:
        job.report = lambda index, what, share: progress.update(index + share, what)
        try:
            return job.execute()
        except (KeyboardInterrupt, DeviceNotReadyError):
            kept = f"what was measured is kept: go on with `augur-edge measure --resume {job.run.id}`"
            console.talk(f"stopped; {kept}" if job.started else "stopped before anything was measured")
            raise


def _print(run: RunRecord, as_json: bool, store: Path) -> None:
    from augur_edge.store import measure_document

    if as_json:
        print(json.dumps(measure_document(run), indent=1))
    else:
        from augur_edge.store.table import run_text, sample_text

        width = shutil.get_terminal_size((100, 24)).columns
        of_sample = run.plan.get("sample") and not (run.plan.get("nets") or run.plan.get("space"))
        print(sample_text(run, str(store), width) if of_sample else run_text(run, width))


def _exit_code(run: RunRecord, strict: bool) -> int:
    """1 if a network or a layer failed; under --strict, UnsteadyError if the device was not steady."""
    failed = [n.name for n in run.networks if n.info.get("failed")]
    failed += [m.name for n in run.networks for m in n.measurements if m.status == "failed"]
    if strict and run.verdict and not run.verdict["steady"]:
        raise UnsteadyError(f"run {run.id} is kept, but the device was not steady: see its verdict")
    if failed:
        console.warn(f"{len(failed)} could not be measured, {failed[0]} first; the rest is kept")
    return 1 if failed else 0


def _targets(args: argparse.Namespace) -> list[Target | LayerSet]:
    from augur_edge.measure.suggested import suggested
    from augur_edge.measure.targets import resolve, sample_targets, space_targets

    files = [net for net in args.nets if net.endswith(".csv")] + ([args.suggested] if args.suggested else [])
    if args.mode == "profiler" and (args.sample or files):
        raise UsageError("--mode profiler is for networks, not for single layers")
    if args.mode == "replay" and files:
        raise UsageError(f"{files[0]}: --mode replay is for networks; the layers of a file are measured one by one")
    if args.sustain and (files or (args.sample and args.mode != "replay")):
        raise UsageError("--sustain is for networks, not for single layers")
    targets: list[Target | LayerSet] = []
    for request in _requests(args):
        targets += [resolve(net, request) for net in args.nets]
        if args.space:
            targets += space_targets(args.space, args.count, args.order, args.seed, request)
        if args.sample:
            targets += sample_targets(args.sample, args.seed, args.mode or "isolated", request)
        if args.suggested:
            targets += suggested(Path(args.suggested), request)
    return targets


def _requests(args: argparse.Namespace) -> list[Request]:
    from augur_edge.measure.targets import Request

    shapes = dict(values.shape(text) for text in args.shape)
    return [
        Request(args.runtime, batch, args.dtype, threads, args.delegate, shapes)
        for threads in args.threads
        for batch in args.batch
    ]


def _settings(args: argparse.Namespace, target: Target | LayerSet) -> Settings:
    """Single layers are measured isolated, for a time each; networks in the mode asked for, for a time all together."""
    from augur_edge.measure.settings import Settings
    from augur_edge.measure.targets import LayerSet
    from augur_edge.runtime import ONLY_MODE

    only = ONLY_MODE.get(target.runtime)
    if only and args.mode not in (None, only):
        raise UsageError(f"--mode {args.mode}: layers of {target.runtime} cannot be cut; it has --mode {only} only")
    if isinstance(target, LayerSet):
        return Settings("isolated", args.precision, args.max_time or LAYER_TIME_S, False, args.seed)
    mode, time_s = only or args.mode or target.mode, args.max_time or NETWORK_TIME_S
    beside = not args.no_isolated and not target.sampled and mode != "whole"
    return Settings(mode, args.precision, time_s, beside, args.seed, args.sustain)
