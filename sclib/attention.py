"""The network of the transformer: what its weights, stacked over seeds, say of the next word."""

import math
from collections.abc import Sequence

import torch
from torch.nn import functional

LENGTH = 5  # words of a sentence
HEADS = 4


def word_scores(weights: Sequence[torch.Tensor], sentences: torch.Tensor) -> torch.Tensor:
    """Scores of every word at every place, (S, n, 5, words), which depend on the words before it only.

    Parameters
    ----------
    weights : embeddings of words and of the start, (S, words + 1, width), and of places; four matrices a block; and
        the readout, (S, width, words).
    sentences : (S, n, 5), long, ids of words.
    """
    embedding, places, *blocks, readout = weights
    words = readout.shape[-1]
    S, n = sentences.shape[:2]
    start = sentences.new_full((S, n, 1), words)
    seen = torch.cat([start, sentences[..., :-1]], -1)  # (S, n, 5): what comes before each place
    offset = (words + 1) * torch.arange(S, device=seen.device)[:, None, None]
    x = functional.embedding(seen + offset, embedding.flatten(0, 1)) + places[:, None]
    x = x.flatten(1, 2)  # (S, n 5, width)
    for attend, merge, rise, fall in zip(*(blocks[i::4] for i in range(4)), strict=True):
        x = x + _attention(_norm(x) @ attend, n) @ merge
        x = x + functional.relu(_norm(x) @ rise) @ fall
    return (_norm(x) @ readout).unflatten(1, (n, LENGTH))


def _norm(x):
    return functional.layer_norm(x, x.shape[-1:])


def _attention(qkv, n):
    """Causal attention of `HEADS` heads: (S, n 5, 3 width) -> (S, n 5, width)."""
    size = qkv.shape[-1] // 3 // HEADS
    q, k, v = qkv.view(-1, LENGTH, 3, HEADS, size).permute(2, 0, 3, 1, 4)  # (S n, heads, 5, size) each
    later = qkv.new_full((LENGTH, LENGTH), -math.inf).triu(1)
    seen = (q @ k.transpose(-1, -2) / math.sqrt(size) + later).softmax(-1)
    return (seen @ v).transpose(1, 2).reshape(len(qkv), n * LENGTH, -1)
