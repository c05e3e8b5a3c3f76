"""`augur-edge train`."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augur_edge import __version__, console
from augur_edge.cli import setting_options, space_options
from augur_edge.errors import AugurError, UsageError

if TYPE_CHECKING:
    from augur_edge.dataset.rows import Dataset
    from augur_edge.host.checkpoint import Checkpoint
    from augur_edge.host.training import Trained


class TrainCommand:
    """Learn what layers cost from measured ones, and distill that into an .augpred file.

    The same data, options and seed give the same file, byte for byte. Ctrl-C leaves OUT.partial, for `--resume`.

    DATA is a store, a table that `export` wrote, an Augur CSV, any CSV or Parquet file with a layer's columns and its
    target with unit (latency_us, energy_mj, ...), a folder of such files, or the folder or URL of a data set that
    `export --dataset` wrote. Needs the extra [train]; neural teachers need [host], which has torch too.

    With --space DATA are architectures: stores, LatBench pickles, .npz and CSV; of several, the columns of all.

    examples:
      augur-edge train ~/.local/share/augur-edge/store.db --target latency -o board.augpred
      augur-edge train layers/ --target energy --exclude layers/resnet18.csv -o board-energy.augpred
      augur-edge train --space nasbench201 latencies.npz --device pixel2 --samples 900 -o cells.augpred
      augur-edge train --space nasbench201 latencies.npz --device pixel2 --samples 5 --select optimal
                 --transfer-from pixel3 samsung_s7 fpga -o cells.augpred
    """

    name = "train"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("data", nargs="+", type=Path, metavar="DATA", help="measured layers")
        parser.add_argument("--target", choices=("latency", "energy"), default="latency", help="what to learn")
        parser.add_argument(
            "-o", "--output", type=Path, required=True, metavar="OUT", help="the .augpred file to write"
        )
        parser.add_argument("--format", choices=("augur", "store", "csv"), help="of the data, if it cannot be told")
        teachers = ("auto", "roofline", "trees", "process", "node", "node-augur", "stack", *space_options.TEACHERS[1:])
        parser.add_argument("--teacher", choices=teachers, default="auto", help="auto: the best in cross-validation")
        parser.add_argument(
            "--exclude", nargs="+", type=Path, default=[], metavar="FILE", help="leave out every exact layer of these"
        )
        parser.add_argument("--resume", action="store_true", help="go on with OUT.partial of an interrupted training")
        parser.add_argument("--seed", type=int, default=0, help="of all that is random")
        parser.add_argument(
            "--coverage", type=float, metavar="SHARE", help="one more interval level, besides .5 .8 .9 .95"
        )
        parser.add_argument("--max-ns", type=float, metavar="NS", help="a row may take in the kernel here")
        parser.add_argument("--max-kb", type=float, metavar="KB", help="the file may have")
        parser.add_argument(
            "--clock-mhz", type=float, default=500.0, metavar="MHZ", help="of the cycles in Augur files"
        )

        space_options.add_train_options(parser)
        setting_options.add(parser)

    def run(self, args: argparse.Namespace) -> int:
        _check(args)
        if args.space:
            return space_options.train_space(args, _digests(args))
        space_options.refuse(args)
        _demand_extra(args.teacher)
        from augur_edge.dataset.reading import read_dataset
        from augur_edge.dataset.rows import summary
        from augur_edge.host.checkpoint import Checkpoint, key_of
        from augur_edge.host.distill import LEVELS, Budget
        from augur_edge.host.training import Plan, train
        from augur_edge.store.files import write_bytes
        from augur_edge.store.partial import partial_of

        data = read_dataset(args.data, args.format, args.clock_mhz, setting=setting_options.wanted(args))
        if args.exclude:
            data = _without(data, args)
        for line in summary(data.known(args.target), args.target):
            console.talk(line)
        levels = sorted({*LEVELS, *([args.coverage] if args.coverage else [])})
        about = {"data": [digest_of(path) for path in args.data], "excluded": [p.name for p in args.exclude]}
        budget = Budget(args.max_ns, args.max_kb)
        plan = Plan(args.target, args.teacher, args.seed, levels, budget, about)
        key = key_of(data.known(args.target), __version__, plan.target, plan.teacher, plan.seed)
        done = Checkpoint(partial_of(args.output), key, args.resume)
        trained = _kept(done, lambda: train(data, plan, console.talk, done))
        write_bytes(args.output, trained.data)
        console.talk(_said(trained.report))
        console.talk(f"{args.output}: written, {len(trained.data)} bytes")
        return 0


def _digests(args: argparse.Namespace) -> dict[str, Any]:
    """Of all that a predictor of architectures learns from."""
    more = {name: path for name in ("warm_up", "layer_predictor") if (path := getattr(args, name)) is not None}
    return {"data": [digest_of(path) for path in args.data], **{name: digest_of(path) for name, path in more.items()}}


def _kept(done: Checkpoint, work: Callable[[], Trained]) -> Trained:
    """The work's result; what it had reached stays only where it was interrupted."""
    try:
        trained = work()
    except KeyboardInterrupt:
        if len(done):
            console.talk(f"stopped; {done.path} keeps {len(done)} folds: go on with the same command and --resume")
        else:
            console.talk("stopped before the first fold was done; nothing was written")
        raise
    except MemoryError:
        done.drop()
        raise AugurError("not enough memory to train on so many layers; train on fewer files") from None
    except AugurError:
        done.drop()
        raise
    done.drop()
    return trained


def _demand_extra(teacher: str) -> None:
    """Raises MissingExtraError. Intervals of any teacher take the deviations of scikit-learn's Gaussian process."""
    from augur_edge.host.extra import demand

    demand("scipy", "sklearn", "catboost", *(["torch"] if teacher.startswith("node") else []))


def _check(args: argparse.Namespace) -> None:
    if args.coverage is not None and not 0 < args.coverage < 1:
        raise UsageError(f"--coverage {args.coverage:g}: a share between 0 and 1, such as 0.9")
    if args.seed < 0:
        raise UsageError(f"--seed {args.seed}: must be 0 or more")
    if args.clock_mhz <= 0:
        raise UsageError(f"--clock-mhz {args.clock_mhz:g}: must be above 0")
    if not args.output.resolve().parent.is_dir():
        raise UsageError(f"{args.output}: its folder does not exist")


def _without(data: Dataset, args: argparse.Namespace) -> Dataset:
    from augur_edge.dataset.reading import read_dataset

    left = data.without(read_dataset(args.exclude, args.format, args.clock_mhz, steady=False))
    console.talk(f"excluded {len(data) - len(left)} of {len(data)} layers")
    if not len(left):
        raise UsageError("--exclude leaves no layer to train on")
    return left


def digest_of(path: Path) -> dict[str, str]:
    """Name and SHA-256 of a file; of a folder, of its files' in order."""
    from augur_edge.store.dataset import dataset_digest, url_of
    from augur_edge.store.files import opened

    url = url_of(path)
    if url is not None:
        return {"name": url, "sha256": dataset_digest(url)}
    digest = hashlib.sha256()
    for file in sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]:
        with opened(file) as stream:
            digest.update(stream.read())
    return {"name": path.name, "sha256": digest.hexdigest()}


def _said(report: dict[str, Any]) -> str:
    student, errors = report["student"], report["out_of_fold_mape"]
    cheaper = student["cheaper_with_more_channels"]
    return (
        f"out of fold {errors[report['teacher']]:.2f} % (roofline alone {errors['roofline']:.2f} %), student "
        f"{student['student_to_teacher_mape']:.2f} % from its teacher on unseen layers, {student['trees']} trees of "
        f"depth {student['depth']}; over 5 % cheaper with twice the channels: {cheaper['student']:.1%} of the layers "
        f"(teacher {cheaper['teacher']:.1%})"
    )
