"""Sliders of the built page: what `sclib.widgets.explore` stored for Jupyter becomes plain HTML with pictures as files.

A figure holds one <input type="range"> an axis, the first picture, and in words what it shows; book/_static/sliders.js
changes the picture.  Without JavaScript the first picture stands there.
"""

import base64
import hashlib
import html
import json
import re
import struct

VIEW, STATE = "application/vnd.jupyter.widget-view+json", "application/vnd.jupyter.widget-state+json"
PLAYED = ("generation", "round", "rounds", "picks")  # axes that are time; else the first one is played


def replace(notebook, folder, source):
    """Make every stored slider of `notebook` native: its pictures go to `folder`, which the page calls `source`."""
    models = notebook.metadata.pop("widgets", {}).get(STATE, {}).get("state", {})
    shown = 0
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if VIEW in output.get("data", {}):
                shown += 1
                axes, start, pictures = read(models, output.data[VIEW]["model_id"])
                output.data = {"text/html": write(f"slider{shown}", axes, start, pictures, folder, source)}
                output.metadata = {}


def read(models, box):
    """Of the `Explorer` with the id `box`: axes {name: texts}, the first index on each, (PNG, alt, class) of each
    picture."""

    def model(reference):
        return models[reference.removeprefix("IPY_MODEL_")]["state"]

    *sliders, stack = [model(child) for child in model(box)["children"]]
    level = [stack]
    for _ in sliders:
        level = [model(child) for one in level for child in one["children"]]
    axes = {slider["description"]: slider["_options_labels"] for slider in sliders}
    form = r'<img alt="(.*?)" class="(.*?)".* src="data:image/png;base64,(.*)">'
    parts = [re.fullmatch(form, one["value"]) for one in level]
    pictures = [(base64.b64decode(p[3]), html.unescape(p[1]), p[2]) for p in parts]
    return axes, [slider["index"] for slider in sliders], pictures


def write(name, axes, start, pictures, folder, source):
    """HTML of a figure with the id `name`; its pictures are written to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for png, *_ in pictures:
        files.append(f"{hashlib.sha256(png).hexdigest()[:16]}.png")
        (folder / files[-1]).write_bytes(png)
    first = 0
    for texts, index in zip(axes.values(), start, strict=True):
        first = first * len(texts) + index
    shown, words, kind = pictures[first]
    width, height = struct.unpack(">II", shown[16:24])
    played = next((i for i, axis in enumerate(axes) if axis in PLAYED), 0)
    lines = [f'<figure class="slider" id="{name}" data-source="{source}">']
    for i, (axis, texts) in enumerate(axes.items()):
        told = html.escape(json.dumps(texts, ensure_ascii=False))
        lines.append(
            f'<div class="axis"><label for="{name}-{i}">{axis}</label>'
            f'<output for="{name}-{i}">{texts[start[i]]}</output>'
            f'<input type="range" id="{name}-{i}" name="{axis}" min="0" max="{len(texts) - 1}" value="{start[i]}" '
            f'aria-valuetext="{texts[start[i]]}" data-texts="{told}" autocomplete="off"></div>'
        )
    told = json.dumps([files, [alt for _, alt, _ in pictures]]).replace("<", "\\u003c")
    lines += [
        f'<img class="{kind}" src="{source}/{files[first]}" width="{width}" height="{height}" '
        f'alt="{html.escape(words)}">',
        f'<button type="button" class="play" data-axis="{name}-{played}" hidden>Play {list(axes)[played]}</button>',
        '<p class="told" aria-live="polite"></p>',
        f"<noscript>The slider needs JavaScript; this is one of its {len(files)} pictures.</noscript>",
        f'<script type="application/json">{told}</script>',
        "</figure>",
    ]
    return "\n".join(lines)
