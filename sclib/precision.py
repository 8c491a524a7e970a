"""Networks are of single precision, whatever default dtype a notebook has set."""

import contextlib
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def single() -> Iterator[None]:
    """Within the block, or the function that it decorates, PyTorch's default dtype is float32."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
