"""Networks are of single precision, whatever default dtype a notebook has set; on some GPUs, of half in part."""

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


def has_bfloat16(device: str) -> bool:
    """Whether a GPU computes in bfloat16 itself; a T4, say, only imitates it, and slowly.

    Parameters
    ----------
    device : "cuda" or "cuda:1".
    """
    return torch.cuda.get_device_capability(device) >= (8, 0)
