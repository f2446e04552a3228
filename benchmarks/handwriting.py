"""Digits and letters to photograph: drawn by strokes, set in fonts, or written by people (rows of a data set).

Each gives a glyph: (rows, columns) float, 0 for nothing and 1 for ink, some hundred pixels high. Nothing of sonmat is used.
"""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
LOOK_ALIKE = frozenset("OoDQIlijZzSsBbGgqT")
"""Letters that look like digits; a network is not blamed for reading them."""

# How hands write digits, as points of lines in a box of 1 × 1 with the origin at the top left; several shapes for one digit.
STROKES: dict[str, list[list[list[tuple[float, float]]]]] = {
    "0": [[[(0.5, 0), (0.15, 0.15), (0.05, 0.5), (0.15, 0.88), (0.5, 1), (0.85, 0.85), (0.95, 0.5), (0.85, 0.12), (0.5, 0)]]],
    "1": [[[(0.5, 0), (0.5, 1)]], [[(0.25, 0.25), (0.55, 0), (0.55, 1)]]],
    "2": [
        [[(0.1, 0.25), (0.3, 0.03), (0.7, 0.03), (0.88, 0.28), (0.6, 0.62), (0.08, 1)], [(0.08, 1), (0.95, 0.97)]],
        [[(0.08, 0.3), (0.35, 0.0), (0.8, 0.1), (0.8, 0.4), (0.3, 0.95), (0.1, 0.9), (0.3, 0.8), (0.6, 0.98), (0.98, 0.9)]],
    ],
    "3": [
        [[(0.1, 0.1), (0.5, 0), (0.85, 0.2), (0.7, 0.42), (0.4, 0.48), (0.8, 0.58), (0.9, 0.8), (0.5, 1), (0.08, 0.9)]],
        [[(0.12, 0.03), (0.88, 0.03)], [(0.88, 0.03), (0.45, 0.42), (0.85, 0.55), (0.88, 0.85), (0.45, 1), (0.08, 0.9)]],
    ],
    "4": [
        [[(0.65, 0), (0.05, 0.65)], [(0.05, 0.65), (0.95, 0.65)], [(0.68, 0.3), (0.66, 1)]],
        [[(0.12, 0), (0.08, 0.5)], [(0.08, 0.5), (0.9, 0.48)], [(0.8, 0.02), (0.75, 1)]],
    ],
    "5": [
        [[(0.88, 0.02), (0.22, 0.02)], [(0.22, 0.02), (0.16, 0.42)], [(0.16, 0.42), (0.6, 0.35), (0.92, 0.65), (0.65, 0.97), (0.08, 0.92)]],
        [[(0.2, 0.05), (0.15, 0.45), (0.6, 0.38), (0.9, 0.68), (0.6, 1), (0.08, 0.92)], [(0.24, 0.05), (0.92, 0.0)]],
    ],
    "6": [[[(0.8, 0.0), (0.35, 0.25), (0.1, 0.65), (0.25, 0.95), (0.65, 1), (0.9, 0.75), (0.65, 0.52), (0.3, 0.6), (0.12, 0.75)]]],
    "7": [
        [[(0.05, 0.04), (0.92, 0.03)], [(0.92, 0.03), (0.55, 0.45), (0.35, 1)]],
        [[(0.05, 0.04), (0.92, 0.03)], [(0.92, 0.03), (0.4, 1)], [(0.3, 0.5), (0.85, 0.48)]],
    ],
    "8": [[[(0.8, 0.12), (0.45, 0), (0.15, 0.2), (0.4, 0.44), (0.8, 0.65), (0.85, 0.9), (0.5, 1), (0.12, 0.88), (0.25, 0.62),
            (0.8, 0.12)]]],
    "9": [
        [[(0.85, 0.2), (0.5, 0), (0.12, 0.22), (0.3, 0.5), (0.7, 0.45), (0.87, 0.18), (0.82, 0.6), (0.7, 1)]],
        [[(0.85, 0.2), (0.5, 0), (0.12, 0.22), (0.3, 0.5), (0.7, 0.45), (0.87, 0.15), (0.85, 0.7), (0.55, 1), (0.2, 0.92)]],
    ],
}  # fmt: skip


def stroke_digit(digit: int, random: np.random.Generator, height: int = 160) -> np.ndarray:
    """A digit drawn with a pen: a shape of `STROKES`, bent, slanted, and as wide as the pen happens to be."""
    shapes = STROKES[str(digit)]
    shape = shapes[random.integers(len(shapes))]
    pen = float(random.uniform(0.03, 0.14)) * height
    width = height * random.uniform(0.5, 0.8) * (0.5 if digit == 1 else 1)
    slant, bend = random.uniform(-0.1, 0.3), 0.03
    lines = []
    for line in shape:
        points = np.array(line) + random.normal(0, bend, (len(line), 2))
        smooth = _curve(points)
        smooth[:, 0] += slant * (0.5 - smooth[:, 1])
        lines.append(smooth * (width, height))
    return _drawn(lines, pen)


def _curve(points: np.ndarray) -> np.ndarray:
    """A Catmull-Rom spline through the points; a line of two points stays one."""
    if len(points) == 2:
        return np.linspace(points[0], points[1], 20)
    padded = np.concatenate([points[:1], points, points[-1:]])
    t = np.linspace(0, 1, 14)[:, None]
    parts = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        parts.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3))
    return np.concatenate(parts)


def _drawn(lines: Sequence[np.ndarray], pen: float) -> np.ndarray:
    every = np.concatenate(lines)
    low = every.min(0) - pen
    size = np.ceil(every.max(0) - low + pen).astype(int)
    image = Image.new("L", (2 * int(size[0]), 2 * int(size[1])))
    draw = ImageDraw.Draw(image)
    for line in lines:
        points = [tuple(point) for point in (line - low) * 2]
        draw.line(points, fill=255, width=max(1, round(2 * pen)), joint="curve")
        for x, y in (points[0], points[-1]):
            draw.ellipse((x - pen, y - pen, x + pen, y + pen), fill=255)
    return np.asarray(image.resize((int(size[0]), int(size[1])), Image.Resampling.BOX), np.float32) / 255


@functools.cache
def fonts(folder: str | None = None) -> tuple[Path, ...]:
    """Font files with Latin letters: of a folder, else those that fontconfig knows, else matplotlib's."""
    if folder:
        return tuple(sorted(path for path in Path(folder).rglob("*") if path.suffix.lower() in (".ttf", ".otf")))
    try:
        said = subprocess.run(["fc-list", "--format", "%{file}\n"], capture_output=True, text=True, check=True).stdout
        found = sorted({Path(line) for line in said.split("\n") if line.endswith((".ttf", ".otf"))})
    except (OSError, subprocess.CalledProcessError):
        found = []
    if not found:
        import matplotlib

        found = sorted(Path(matplotlib.get_data_path(), "fonts", "ttf").glob("*.ttf"))
    return tuple(
        path for path in found if not any(word in path.name for word in ("Math", "Symbol", "cmsy", "cmex", "STIXSiz"))
    )


def font_glyph(
    character: str, font: Path, random: np.random.Generator, height: int = 160, *, wild: float = 0.5
) -> np.ndarray:
    """A character set in a font, slanted, bent by a smooth field and thinned or thickened as a hand would.

    Args:
        wild: How far it is from print: 0 is the font itself.
    """
    face = ImageFont.truetype(str(font), int(height * 1.35))
    left, top, right, bottom = face.getbbox(character)
    size = (right - left + height // 2, bottom - top + height // 2)
    image = Image.new("L", size)
    ImageDraw.Draw(image).text((height // 4 - left, height // 4 - top), character, font=face, fill=255)
    if wild:
        slant = random.uniform(-0.25, 0.25) * wild
        image = image.transform(
            size, Image.Transform.AFFINE, (1, slant, -slant * size[1] / 2, 0, 1, 0), Image.Resampling.BILINEAR
        )
        image = image.rotate(random.uniform(-12, 12) * wild, Image.Resampling.BILINEAR)
        image = _bent(image, random, 0.035 * wild * height)
        image = _penned(image, random, height)
    box = image.getbbox() or (0, 0, *size)
    return np.asarray(image.crop(box), np.float32) / 255


def _bent(image: Image.Image, random: np.random.Generator, way: float) -> Image.Image:
    """Moved by a smooth random field, given at a mesh's knots."""
    wide, high = image.size
    columns, rows = 4, 5
    x, y = np.meshgrid(np.linspace(0, wide, columns + 1), np.linspace(0, high, rows + 1))
    x[1:-1, 1:-1] += random.normal(0, way, (rows - 1, columns - 1))
    y[1:-1, 1:-1] += random.normal(0, way, (rows - 1, columns - 1))
    mesh = []
    for i in range(rows):
        for j in range(columns):
            to = (wide * j // columns, high * i // rows, wide * (j + 1) // columns, high * (i + 1) // rows)
            corners = (
                x[i, j],
                y[i, j],
                x[i + 1, j],
                y[i + 1, j],
                x[i + 1, j + 1],
                y[i + 1, j + 1],
                x[i, j + 1],
                y[i, j + 1],
            )
            mesh.append((to, corners))
    return image.transform(image.size, Image.Transform.MESH, mesh, Image.Resampling.BILINEAR)


def _penned(image: Image.Image, random: np.random.Generator, height: int) -> Image.Image:
    """A thinner or thicker pen."""
    change = int(random.integers(-2, 3) * height / 160)
    if change > 0:
        return image.filter(ImageFilter.MaxFilter(2 * change + 1))
    thinner = image.filter(ImageFilter.MinFilter(2 * -change + 1)) if change else image
    return (
        thinner
        if np.asarray(thinner).max() > 200 and np.asarray(thinner).mean() > 0.5 * np.asarray(image).mean()
        else image
    )


def row_glyph(row: np.ndarray, height: int = 160) -> np.ndarray:
    """A written digit of a data set, (28, 28) uint8 light on dark, drawn large with the sharp edges that it had on paper."""
    image = Image.fromarray(row)
    scale = height / 20
    large = image.resize((round(28 * scale), round(28 * scale)), Image.Resampling.BICUBIC)
    smooth = np.asarray(large.filter(ImageFilter.GaussianBlur(scale / 3)), np.float32) / 255
    ink = np.clip((smooth - 0.38) / 0.12, 0, 1)
    found = np.argwhere(ink > 0.5)
    if not len(found):
        return ink
    (top, left), (bottom, right) = found.min(0), found.max(0) + 1
    return ink[max(0, top - 2) : bottom + 2, max(0, left - 2) : right + 2]
