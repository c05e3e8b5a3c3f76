"""Cells of NAS-Bench-201 as graphs whose vertices are ops, as Eagle (BRP-NAS, NeurIPS 2020) draws them; numpy, batched.

Vertices: input, the ops of the six edges, output. `none` drops an edge, skip connections are bridged (two that lead
from one vertex to the same other are one), and what no path from input to output passes is dead: zeroed.
"""

from __future__ import annotations

import numpy as np

from augur_edge.predict.designs import F64, I64
from augur_edge.spaces.nasbench201 import CONV1, EDGES, SKIP

N_OPS = 3  # conv1x1, conv3x3, average pool


def inputs_of(cells: I64) -> I64:
    """int64[n, 7]: for the six ops and the output the bits of their inputs; bit 0 the cell's input, bit i + 1 op i.

    A dead vertex has none. cells: int64[n, 6].
    """
    cells = np.asarray(cells, np.int64)
    nodes = [np.full(len(cells), int(node == 0)) for node in range(4)]  # what arrives at each of the cell's nodes
    found = np.zeros((len(cells), 7), np.int64)
    for i, (a, b) in enumerate(EDGES):
        works = (cells[:, i] >= CONV1) & (nodes[a] > 0)
        found[:, i] = np.where(works, nodes[a], 0)
        nodes[b] = nodes[b] | np.where(cells[:, i] == SKIP, nodes[a], np.where(works, 1 << (i + 1), 0))
    found[:, 6] = nodes[3]
    live = nodes[3].copy()
    for i in reversed(range(6)):
        found[:, i] *= (live >> (i + 1)) & 1
        live |= found[:, i]
    return found


def cell_arrays(cells: I64) -> tuple[F64, F64]:
    """Edges float64[n, 7, 7], [i, j]: vertex j (input, ops) feeds vertex i (ops, output); ops float64[n, 6, 3]."""
    found = inputs_of(cells)
    edges = ((found[:, :, None] >> np.arange(7)) & 1).astype(np.float64)
    kinds = (np.asarray(cells)[:, :, None] == np.arange(CONV1, CONV1 + N_OPS)) & (found[:, :6, None] > 0)
    return edges, kinds.astype(np.float64)


def eagle_arrays(cells: I64) -> tuple[F64, F64]:
    """Eagle's adjacency float64[n, 9, 9] and features float64[n, 9, 6]; vertex 0 is global, then input, ops, output.

    adjacency[i, j] = 1 where i feeds j, as Eagle has it: row 0 is ones but for itself, and every vertex has a loop.
    Features: one-hot of conv1x1, conv3x3, average pool, input, output, global; dead ops are all zero.
    """
    edges, kinds = cell_arrays(cells)
    n = len(edges)
    adjacency = np.zeros((n, 9, 9))
    adjacency[:, 1:8, 2:9] = edges.transpose(0, 2, 1)
    adjacency[:, 0, 1:] = 1
    adjacency[:, np.arange(9), np.arange(9)] = 1
    features = np.zeros((n, 9, 6))
    features[:, 2:8, :3] = kinds
    for vertex, column in ((1, 3), (8, 4), (0, 5)):
        features[:, vertex, column] = 1
    return adjacency, features


def cell_features(cells: I64) -> dict[str, F64]:
    """What a cell costs by its structure, in three blocks of float64[n, ...].

    counts: ops of each kind, additions, consumers, depths and paths; steps: edges by the kinds of their ends, and
    chains of two; places: the kind at each vertex, and every edge.
    """
    edges, kinds = cell_arrays(cells)
    n = len(edges)
    source, target = np.zeros((n, 7, 4)), np.zeros((n, 7, 4))
    source[:, 0, 0], source[:, 1:, 1:] = 1, kinds
    target[:, 6, 3], target[:, :6, :3] = 1, kinds
    fan_in, fan_out = edges.sum(axis=2), edges.sum(axis=1)
    adds = np.maximum(fan_in - 1, 0)
    depths = [_depth(edges, kinds @ np.array(w, np.float64), best) for w, best in _DEPTHS]
    counts = [
        kinds.sum(axis=1), adds.sum(axis=1), np.einsum("nd,ndb->nb", adds, target),
        np.einsum("nd,ndb->nb", (fan_in > 1) * 1.0, target), fan_out[:, 0],
        np.einsum("ns,nsa->na", np.maximum(fan_out - 1, 0), source), *depths, _paths(edges),
    ]  # fmt: skip
    steps = np.einsum("nds,nsa,ndb->nab", edges, source, target, optimize=True).reshape(n, 16)
    pairs = np.einsum("nms,nsa,nmb,ndm,ndc->nabc", edges[:, :6], source, kinds, edges[:, :, 1:], target, optimize=True)
    return {
        "counts": np.column_stack(counts),
        "steps": np.hstack([steps, pairs.reshape(n, 48)]),
        "places": np.hstack([kinds.reshape(n, 18), edges.reshape(n, 49)]),
    }


# Weights of conv1x1, conv3x3 and pool on a way from input to output, and whether the heaviest or the lightest counts.
_DEPTHS = (
    ((1, 1, 1), 1), ((1, 0, 0), 1), ((0, 1, 0), 1), ((0, 0, 1), 1), ((1, 9, 0.5), 1), ((1, 4, 1), 1), ((0, 1, 1), 1),
    ((1, 1, 0), 1), ((1, 1, 1), -1), ((1, 9, 0.5), -1),
)  # fmt: skip


def _depth(edges: F64, weight: F64, sign: int) -> F64:
    """float64[n]: the largest (sign 1) or least (-1) sum of weights [n, 6] over all ways through the graph."""
    reached = np.zeros(edges.shape[:2])
    for i in range(7):
        ways = np.where(edges[:, i] > 0, sign * reached, -np.inf).max(axis=1)
        here = np.where(np.isfinite(ways), sign * ways, 0.0)
        if i == 6:
            return here
        reached[:, i + 1] = here + weight[:, i]
    raise AssertionError


def _paths(edges: F64) -> F64:
    """float64[n]: number of ways from input to output."""
    ways = np.zeros(edges.shape[:2])
    ways[:, 0] = 1
    for i in range(6):
        ways[:, i + 1] = (edges[:, i] * ways).sum(axis=1)
    return np.asarray((edges[:, 6] * ways).sum(axis=1))


def same_graph(cells: I64) -> list[I64]:
    """Rows of cells that execute the same graph, group by group: equal after renaming vertices, by rounds of hashing.

    Weisfeiler and Lehman's refinement (Shervashidze et al., JMLR 12, 2011), which tells all of this space apart.
    """
    edges, kinds = cell_arrays(cells)
    n = len(edges)
    label = np.zeros((n, 8))  # input, ops, output
    label[:, 0], label[:, 7] = 11.0, 13.0
    label[:, 1:7] = kinds @ np.array([2.0, 3.0, 5.0])
    full = np.zeros((n, 8, 8))
    full[:, 1:8, :7] = edges
    for _ in range(4):
        into, out = (
            (full @ _mixed(label)[:, :, None])[:, :, 0],
            (full.transpose(0, 2, 1) @ _mixed(label + 0.5)[:, :, None]),
        )
        label = np.where(label > 0, np.round(_mixed(label) + 1.7 * _mixed(into) + 2.3 * _mixed(out[:, :, 0]) + 1, 6), 0)
    keys = np.round(np.where(label > 0, _mixed(label), 0).sum(axis=1), 5)
    _, group = np.unique(keys, return_inverse=True)
    order = np.argsort(group, kind="stable")
    return [np.asarray(rows) for rows in np.split(order, np.flatnonzero(np.diff(group[order])) + 1)]


def _mixed(value: F64) -> F64:
    """A hash of numbers to 0..1."""
    return np.asarray(np.abs(np.sin(value * 12.9898 + 78.233)) * 43758.5453 % 1.0)
