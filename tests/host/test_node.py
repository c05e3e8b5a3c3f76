"""NODE: its activations against their definitions, its trees against a loop, and its learning."""

from __future__ import annotations

import numpy as np
import pytest
from machine import cycles, short_layers

from augur_edge.errors import DataError
from augur_edge.host import node
from augur_edge.host.features import Tiles, physics
from augur_edge.host.teachers import TEACHERS
from augur_edge.metrics import mape
from augur_edge.predict.encode import from_short

torch = pytest.importorskip("torch", reason="the extra [host]")
pytest.importorskip("scipy", reason="the extra [host]")


def test_entmax_is_the_projection_that_defines_it():
    x = torch.randn(40, 3, generator=torch.Generator().manual_seed(0)).double() * 2
    p = node.entmax15(x, 0)
    assert torch.allclose(p.sum(0), torch.ones(3, dtype=torch.float64)) and (p >= 0).all() and (p == 0).any()
    for j in range(3):  # p = max(x/2 - tau, 0)^2: sqrt(p) - x/2 is one constant on the support, not less off it
        tau = (x[:, j] / 2 - p[:, j].sqrt())[p[:, j] > 0]
        assert float(tau.max() - tau.min()) < 1e-9 and (x[:, j][p[:, j] == 0] / 2 <= tau[0] + 1e-9).all()


def test_entmoid_is_entmax_of_two():
    x = torch.linspace(-4, 4, 101).double()
    both = node.entmax15(torch.stack([x, torch.zeros_like(x)]), 0)
    assert torch.allclose(node.entmoid15(x), both[0], atol=1e-9)


def reference(parameters, x):
    """NODE as its paper's code has it: a matrix of bin codes, and a product over depths."""
    heads = []
    for p in parameters:
        depth = p["feature_thresholds"].shape[1]
        code = (torch.arange(2**depth).view(1, -1) // 2 ** torch.arange(depth).view(-1, 1) % 2).float()
        codes = torch.stack([code, 1 - code], dim=-1)
        values = torch.einsum("bi,ind->bnd", x, node.entmax15(p["feature_selection_logits"], 0))
        logits = (values - p["feature_thresholds"]) * torch.exp(-p["log_temperatures"])
        bins = node.entmoid15(torch.stack([-logits, logits], dim=-1))
        weights = torch.einsum("btds,dcs->btdc", bins, codes).prod(dim=-2)
        answer = torch.einsum("bnd,ncd->bnc", weights, p["response"])
        heads.append(answer)
        x = torch.cat([x, answer.flatten(1)], dim=1)
    return torch.cat(heads, dim=1)[..., 0].mean(dim=1)


def checkpoint(path, prefix, inputs=8):
    torch.manual_seed(1)
    parameters = node.network(inputs, node.Shape(2, 4, 3))
    state = {f"{prefix}.{i}.{k}": v for i, p in enumerate(parameters) for k, v in p.items()}
    state[f"{prefix}.0.bin_codes_1hot"] = torch.zeros(3, 8, 2)
    torch.save({"model": state, "opt": {}, "step": 3}, path)
    return parameters


@pytest.mark.parametrize("prefix", ["model.0", "model.module.0"])
def test_checkpoints_load_and_predict(tmp_path, prefix):
    parameters = checkpoint(tmp_path / "c.pth", prefix)
    short = short_layers(20)
    answer = node.predict_augur(node.load_augur(tmp_path / "c.pth"), short)
    expected = 10.0 ** reference(parameters, torch.tensor(short, dtype=torch.float32)).double().numpy()
    assert answer == pytest.approx(expected, rel=1e-4)


def test_what_is_no_checkpoint(tmp_path):
    (tmp_path / "c.pth").write_bytes(b"nothing")
    with pytest.raises(DataError, match="not a checkpoint"):
        node.load_augur(tmp_path / "c.pth")


def test_it_learns_and_repeats():
    layers = from_short(short_layers(200))
    y = cycles(layers)
    teachers = []
    for _ in range(2):
        teacher = node.Node(0, Tiles(32, 32, 16), node.Shape(1, 16, 4))
        teacher.most_steps = 200
        teachers.append(teacher.fit(layers[:150], y[:150]))
    assert np.array_equal(teachers[0].predict(layers), teachers[1].predict(layers))
    baseline = teachers[0].roofline.predict(layers[150:])
    assert mape(y[150:], teachers[0].predict(layers[150:])) < mape(y[150:], baseline) * 1.05


def test_the_published_shape_trains_to_the_end_of_a_short_run():
    layers = from_short(short_layers(24))
    y = cycles(layers)
    teacher = TEACHERS["node-augur"](0, Tiles(32, 32, 16))
    teacher.most_steps, teacher.every, teacher.batch = 2, 2, 4
    predicted = teacher.fit(layers, y).predict(layers[:5])
    _, shares = teacher.roofline.predict_with_shares(layers)
    width = physics(layers, Tiles(32, 32, 16), shares).shape[1]
    assert [len(p["feature_selection_logits"]) for p in teacher._parameters] == [width + 384 * i for i in range(6)]
    assert teacher._parameters[0]["response"].shape == (128, 3, 256)
    assert np.isfinite(predicted).all() and (predicted > 0).all()
