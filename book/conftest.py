"""`pytest --nbval book/` looks at pictures too: nbval itself compares only what is printed.

A cell's pictures, and the frames of its sliders, are compared with the stored ones as a viewer from afar would: on 32 x
32 points: what another FreeType changes is not seen, and neither are some neighbours on a slider told apart.
"""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

POINTS = 32
TOLERANCE = 5  # of 255, root mean square: other fonts reach 2 to 4, two pictures of a chapter are 15 to 70 apart
FRAME = re.compile(r"data:image/png;base64,([A-Za-z0-9+/=]+)")


def pytest_collection_modifyitems(items):
    """Note what `comm` messages, which nbval skips, say of widgets."""
    for notebook in {item.parent for item in items if hasattr(item, "test_outputs")}:
        notebook.frames, notebook.get_plain_message = [], notebook.get_kernel_message
        notebook.get_kernel_message = lambda notebook=notebook, **wait: _noted(notebook, **wait)


def _noted(notebook, **wait):
    message = notebook.get_plain_message(**wait)
    if message["msg_type"] == "comm_open":
        notebook.frames += FRAME.findall(str(message["content"]["data"].get("state", {}).get("value", "")))
    return message


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    if not hasattr(item, "test_outputs"):
        return (yield)
    before = len(item.parent.frames)
    result = yield
    state = item.parent.nb.metadata.get("widgets", {}).get("application/vnd.jupyter.widget-state+json", {})
    stored = [frame for _, model in sorted(state.get("state", {}).items()) for frame in FRAME.findall(str(model))]
    made = item.parent.frames[before:]
    _compare("slider frame", stored[before : before + len(made)], made)
    _compare("picture", *(list(_pictures(outputs)) for outputs in (item.cell.outputs, item.test_outputs)))
    return result


def _pictures(outputs):
    return (output["data"]["image/png"] for output in outputs if "image/png" in output.get("data", {}))


def _compare(what, stored, made):
    assert len(stored) == len(made), f"{len(stored)} {what}s are stored, and {len(made)} were made"
    for number, pair in enumerate(zip(stored, made, strict=True), 1):
        distance = float(np.sqrt(np.square(np.subtract(*map(_from_afar, pair))).mean()))
        assert distance <= TOLERANCE, f"{what} {number} is not the stored one: {distance:.0f} of 255 apart"


def _from_afar(png):
    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    return np.asarray(picture.resize((POINTS, POINTS), Image.Resampling.BOX), float)
