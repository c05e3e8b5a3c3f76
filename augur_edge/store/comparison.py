"""Two runs side by side: what became faster, what slower, and what only looks so.

Each layer of both is put to the rank test; Holm's correction keeps the chance of one false word in the whole
comparison at `ALPHA`, however many layers there are. Samples of one run know nothing of how runs differ among
themselves, so a verdict is of these two runs: `BETWEEN_RUNS` says so beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace
from typing import Any

from augur_edge import schema
from augur_edge.errors import UsageError
from augur_edge.stats import holm, rank_test, summarise
from augur_edge.store.document import verdict_of
from augur_edge.store.records import Measurement, NetworkRecord, RunRecord
from augur_edge.store.settings import settings_apart, split_name

ALPHA = 0.05
BETWEEN_RUNS = (
    "how much runs minutes apart differ by themselves, often some per cent, is not known from two: repeat both in turn"
)

Layers = list[Measurement]
Pair = tuple[Measurement, Measurement]
Key = Callable[[Measurement], Hashable]


def compare_runs(a: RunRecord, b: RunRecord, threshold: float) -> dict[str, Any]:
    """The document `augur-edge/compare/1`.

    threshold: the least relative difference of medians that counts, such as 0.01. ratio: median of `b` over that of
    `a`; verdict: of `b`: `faster`, `slower`, `no difference` (also where the medians' 95 % intervals overlap), or
    `unknown` where one of them has no samples. settings: of a network, those that differ, of `a` and of `b`.
    Raises UsageError where the runs have no network in common.
    """
    pairs = network_pairs(a, b)
    if not pairs:
        has_a, has_b = (", ".join(n.name for n in run.networks) or "none" for run in (a, b))
        raise UsageError(
            f"nothing to compare: {a.id} has the networks {has_a}; {b.id} has {has_b}: name two runs of one network"
        )
    networks = [_compare_networks(x, y) for x, y in pairs]
    _judge([e for n in networks for e in (n["whole"], *n["layers"]) if e is not None], threshold)
    return {
        "schema": schema.COMPARE,
        "context": {"a": _side(a), "b": _side(b)},
        "threshold": threshold,
        "alpha": ALPHA,
        "note": BETWEEN_RUNS,
        "networks": networks,
    }


def _side(run: RunRecord) -> dict[str, Any]:
    return {
        "run": run.id,
        "created_unix_ns": run.created_unix_ns,
        "device": run.device,
        "verdict": verdict_of(run),
        "context": run.context,
    }


def network_pairs(a: RunRecord, b: RunRecord) -> list[tuple[NetworkRecord, NetworkRecord]]:
    """Networks of one name, those of the same runtime and mode first; of the rest those that differ in setting only.

    Runs of one network each are a pair under any names where the layers' names and ops are the same, in order.
    """
    pairs = _of_one_name(a.networks, b.networks)
    taken = {id(network) for pair in pairs for network in pair}
    rest_a, rest_b = (_by_net([n for n in run.networks if id(n) not in taken]) for run in (a, b))
    pairs += [(x, rest_b[net]) for net, x in rest_a.items() if net in rest_b]
    if not pairs and len(a.networks) == len(b.networks) == 1:
        x, y = a.networks[0], b.networks[0]
        layers = [[(m.name, m.op) for m in _of_mode(network, "layer")] for network in (x, y)]
        if layers[0] and layers[0] == layers[1]:
            return [(x, y)]
    return pairs


def _by_net(networks: list[NetworkRecord]) -> dict[str, NetworkRecord]:
    """By name without the setting, where one alone has it."""
    names = [split_name(network.name)[0] for network in networks]
    return {name: network for name, network in zip(names, networks) if names.count(name) == 1}


def _of_one_name(a: list[NetworkRecord], b: list[NetworkRecord]) -> list[tuple[NetworkRecord, NetworkRecord]]:
    pairs, left = [], list(b)
    for x in a:
        found = [y for y in left if y.name == x.name]
        if found:
            y = min(found, key=lambda y: (y.runtime != x.runtime, y.mode != x.mode))
            left.remove(y)
            pairs.append((x, y))
    return pairs


def _compare_networks(a: NetworkRecord, b: NetworkRecord) -> dict[str, Any]:
    layers_a, layers_b = _of_mode(a, "layer"), _of_mode(b, "layer")
    pairs = _named_pairs(layers_a, layers_b) if a.runtime == b.runtime else []
    used = {id(m) for pair in pairs for m in pair}
    groups = _groups([m for m in layers_a if id(m) not in used], [m for m in layers_b if id(m) not in used])
    used.update(id(m) for group in groups for side in group for m in side)
    pairs = sorted([*pairs, *((_joined(x), _joined(y)) for x, y in groups)], key=lambda pair: pair[0].position)
    wholes = list(zip(_of_mode(a, "whole"), _of_mode(b, "whole")))
    return {
        "name": a.name,
        "b_name": b.name,
        "settings": settings_apart(a, b),
        "runtime": [a.runtime, b.runtime],
        "mode": [a.mode, b.mode],
        "whole": _entry(*wholes[0]) if wholes else None,
        "layers": [_entry(x, y) for x, y in pairs],
        "only_a": [m.name for m in layers_a if id(m) not in used],
        "only_b": [m.name for m in layers_b if id(m) not in used],
    }


def _of_mode(network: NetworkRecord, kind: str) -> list[Measurement]:
    found = [m for m in network.measurements if m.kind == kind and m.mode == network.mode]
    return sorted(found, key=lambda m: m.position)


def _named_pairs(a: list[Measurement], b: list[Measurement]) -> list[Pair]:
    """By name and position, then by a name that one layer has alone."""
    keys: list[Key] = [lambda m: (m.name, m.position), lambda m: m.name]
    pairs: list[Pair] = []
    for key in keys:
        taken = {id(m) for pair in pairs for m in pair}
        rest = _by_key((m for m in b if id(m) not in taken), key)
        for found, x in _by_key((m for m in a if id(m) not in taken), key).items():
            if found in rest:
                pairs.append((x, rest[found]))
    return pairs


def _by_key(layers: Iterable[Measurement], key: Key) -> dict[Hashable, Measurement]:
    """Layers by a key that only one of them has."""
    groups: dict[Hashable, list[Measurement]] = {}
    for m in layers:
        groups.setdefault(key(m), []).append(m)
    return {found: group[0] for found, group in groups.items() if len(group) == 1}


def _groups(a: list[Measurement], b: list[Measurement]) -> list[tuple[Layers, Layers]]:
    """The fewest layers of either side that do the work of the same nodes of the user's.

    What one runtime fuses another may not: a convolution with its addition here are two layers there.
    """
    groups: list[tuple[set[str], list[tuple[str, Measurement]]]] = []
    for side, m in [*(("a", m) for m in a), *(("b", m) for m in b)]:
        nodes, members = set(m.nodes), [(side, m)]
        apart = [group for group in groups if not group[0] & nodes]
        for other_nodes, others in (group for group in groups if group[0] & nodes):
            nodes |= other_nodes
            members += others
        groups = [*apart, (nodes, members)]
    sides = [tuple([m for side, m in members if side == wanted] for wanted in "ab") for _, members in groups]
    return [(x, y) for x, y in sides if x and y]


def _joined(layers: Layers) -> Measurement:
    """Several layers as one. Samples of the same passes are added; without such, there are none."""
    if len(layers) == 1:
        return layers[0]
    layers = sorted(layers, key=lambda m: m.position)
    first = layers[0]
    passes = {(m.mode, m.loops, m.count, len(m.samples_ns)) for m in layers}
    aligned = passes == {("replay", 1, 1, len(first.samples_ns))}
    return replace(
        first,
        name=" + ".join(m.name for m in layers),
        op=" + ".join(m.op for m in layers),
        nodes=tuple(node for m in layers for node in m.nodes),
        samples_ns=sum((m.samples_ns for m in layers[1:]), first.samples_ns) if aligned else first.samples_ns[:0],
    )


def _entry(a: Measurement, b: Measurement) -> dict[str, Any]:
    known = len(a.samples_ns) > 0 and len(b.samples_ns) > 0
    summary_a, summary_b = (summarise(m.samples_ns, m.loops) if len(m.samples_ns) else None for m in (a, b))
    return {
        "name": a.name,
        "b_name": b.name,
        "op": a.op,
        "nodes": list(a.nodes),
        "a_ns": summary_a and summary_a.to_dict(),
        "b_ns": summary_b and summary_b.to_dict(),
        "ratio": summary_b.median / summary_a.median if summary_a and summary_b and summary_a.median > 0 else None,
        "p": rank_test(a.samples_ns / a.loops, b.samples_ns / b.loops) if known else None,
    }


def _judge(entries: list[dict[str, Any]], threshold: float) -> None:
    """Add `p_adjusted` and `verdict` to each."""
    tested = [e for e in entries if e["p"] is not None]
    for entry in entries:
        entry["p_adjusted"] = None
    for entry, p in zip(tested, holm([e["p"] for e in tested])):
        entry["p_adjusted"] = p
    for entry in entries:
        entry["verdict"] = _word(entry, threshold)


def _overlap(a: list[float] | None, b: list[float] | None) -> bool:
    """Of two intervals; False where one is not known."""
    return a is not None and b is not None and a[0] <= b[1] and b[0] <= a[1]


def _word(entry: dict[str, Any], threshold: float) -> str:
    ratio, p = entry["ratio"], entry["p_adjusted"]
    if ratio is None or p is None:
        return "unknown"
    if p >= ALPHA or abs(ratio - 1) < threshold or _overlap(entry["a_ns"]["ci95"], entry["b_ns"]["ci95"]):
        return "no difference"
    return "slower" if ratio > 1 else "faster"
