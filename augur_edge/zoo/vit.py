"""Vision transformer as timm has it, attention written out as its parts."""

from __future__ import annotations

from augur_edge.builder import Builder
from augur_edge.network import Network

_EPSILON = 1e-6


def _attention(b: Builder, x: str, heads: int) -> str:
    """(N, T, C) -> (N, T, C). Keys are transposed as they are cut into heads, so the products need no flag."""
    batch, tokens, size = b.shape(x)
    inner = (batch, tokens, heads, size // heads)
    parts = b.split(b.dense(x, 3 * size, name="qkv"), 3, axis=2, name="split")
    cut = [b.reshape(part, inner, name=f"{n}.heads") for n, part in zip("qkv", parts)]
    q, v = (b.transpose(cut[i], (0, 2, 1, 3), name=f"{'qkv'[i]}.transpose") for i in (0, 2))
    k = b.transpose(cut[1], (0, 2, 3, 1), name="k.transpose")
    q = b.scale(q, float(size // heads) ** -0.5, name="scale")
    weights = b.softmax(b.matmul(q, k, name="scores"), name="softmax")
    y = b.transpose(b.matmul(weights, v, name="context"), (0, 2, 1, 3), name="join")
    return b.dense(b.reshape(y, (batch, tokens, size), name="join.heads"), size, name="proj")


def _block(b: Builder, x: str, heads: int) -> str:
    size = b.shape(x)[-1]
    y = b.layer_norm(x, _EPSILON, name="norm1")
    with b.scope("attn"):
        y = _attention(b, y, heads)
    x = b.add(x, y, name="add1")
    y = b.layer_norm(x, _EPSILON, name="norm2")
    y = b.activation(b.dense(y, 4 * size, name="mlp.fc1"), "gelu", name="mlp.act")
    return b.add(x, b.dense(y, size, name="mlp.fc2"), name="add2")


def _vit(name: str, size: int, depth: int, heads: int, batch: int) -> Network:
    b = Builder(name, (batch, 3, 224, 224))
    x = b.conv(b.input, size, 16, stride=16, bias=True, name="patch_embed.proj")
    x = b.reshape(x, (batch, size, 14 * 14), name="patch_embed.flatten")
    x = b.transpose(x, (0, 2, 1), name="patch_embed.transpose")
    x = b.add_constant(b.prepend_constant(x, name="cls_token"), name="pos_embed")
    for i in range(depth):
        with b.scope(f"blocks.{i}"):
            x = _block(b, x, heads)
    x = b.layer_norm(x, _EPSILON, name="norm")
    x = b.flatten(b.slice(x, (0, 0, 0), (batch, 1, size), name="token"), name="flatten")
    return b.network(b.dense(x, 1000, name="head"))


def _vit_tiny(batch: int) -> Network:
    return _vit("vit_tiny_patch16_224", 192, 12, 3, batch)


NETWORKS = {"vit_tiny_patch16_224": _vit_tiny}
