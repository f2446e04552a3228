"""Photographs of glyphs: paper, pens, lamps, shadows, a camera held askew, and JPEG. Nothing of sonmat is used."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageFilter

Scene = Callable[[Sequence[np.ndarray], np.random.Generator], np.ndarray]


def _page(random: np.random.Generator, glyphs: Sequence[np.ndarray], share: float) -> tuple[np.ndarray, int, int]:
    """Where glyphs side by side lie on a page that is larger: ink (rows, columns), 0..1."""
    gap = int(0.35 * max(glyph.shape[0] for glyph in glyphs))
    high = max(glyph.shape[0] for glyph in glyphs)
    wide = sum(glyph.shape[1] for glyph in glyphs) + gap * (len(glyphs) - 1)
    rows, columns = int(high / share), int(max(wide / share, high / share * random.uniform(0.75, 1.3)))
    ink = np.zeros((rows, columns), np.float32)
    left = int((columns - wide) * random.uniform(0.3, 0.7))
    for glyph in glyphs:
        top = int((rows - glyph.shape[0]) * random.uniform(0.4, 0.6))
        ink[top : top + glyph.shape[0], left : left + glyph.shape[1]] = glyph
        left += glyph.shape[1] + gap
    return ink, rows, columns


def _smooth(random: np.random.Generator, rows: int, columns: int, knots: int) -> np.ndarray:
    """A smooth field of mean 0 and spread about 1."""
    small = Image.fromarray(random.normal(0, 1, (knots, knots)).astype(np.float32))
    return np.asarray(small.resize((columns, rows), Image.Resampling.BICUBIC))


def _light(random: np.random.Generator, rows: int, columns: int, amount: float) -> np.ndarray:
    """A lamp at one side: brighter there, darker away from it."""
    y, x = np.mgrid[0:rows, 0:columns] / max(rows, columns)
    at = random.uniform(-0.5, 1.5, 2)
    away = np.hypot(y - at[0], x - at[1])
    return 1 - amount * (away - away.min()) / max(float(np.ptp(away)), 1e-6)


def _shadow(random: np.random.Generator, rows: int, columns: int, depth: float) -> np.ndarray:
    """The edge of something that stands in the light: half of the picture darker, over some pixels."""
    y, x = np.mgrid[0:rows, 0:columns]
    angle = random.uniform(0, 2 * np.pi)
    side = np.cos(angle) * (x - columns * random.uniform(0.3, 0.7)) + np.sin(angle) * (
        y - rows * random.uniform(0.3, 0.7)
    )
    side = side + 0.05 * max(rows, columns) * np.sin((x + y) / (0.2 * max(rows, columns)))
    return 1 - depth / (1 + np.exp(-side / (0.01 * max(rows, columns))))


def _lines(random: np.random.Generator, rows: int, columns: int, apart: float, *, both: bool) -> np.ndarray:
    """Printed lines, 0..1, as far apart as `apart` pixels."""
    wide = max(1.0, apart * 0.035)
    y, x = np.mgrid[0:rows, 0:columns]
    start = random.uniform(0, apart, 2)
    near = np.abs((y - start[0] + apart / 2) % apart - apart / 2) < wide / 2
    if both:
        near |= np.abs((x - start[1] + apart / 2) % apart - apart / 2) < wide / 2
    return near.astype(np.float32)


def _askew(image: np.ndarray, random: np.random.Generator, amount: float) -> np.ndarray:
    """Seen from one side, and turned a little."""
    rows, columns = image.shape[:2]
    corners = np.array([(0, 0), (0, rows), (columns, rows), (columns, 0)], float)
    moved = corners + random.uniform(0, amount, (4, 2)) * (columns, rows) * np.sign(
        np.array([columns, rows]) / 2 - corners
    )
    picture = Image.fromarray(image)
    return np.asarray(
        picture.transform((columns, rows), Image.Transform.QUAD, tuple(moved.ravel()), Image.Resampling.BILINEAR)
    )


def _camera(
    levels: np.ndarray, random: np.random.Generator, *, noise: float, blur: float, quality: int, longest: int
) -> np.ndarray:
    """What a camera makes of a scene, (rows, columns, 3) of 0..1."""
    image = Image.fromarray((255 * np.clip(levels, 0, 1)).astype(np.uint8))
    scale = longest / max(image.size)
    image = image.resize(
        (max(8, round(image.width * scale)), max(8, round(image.height * scale))), Image.Resampling.BICUBIC
    )
    image = image.filter(ImageFilter.GaussianBlur(blur)) if blur else image
    array = np.asarray(image, np.float32)
    array = array + random.normal(0, noise, array.shape)
    kept = io.BytesIO()
    Image.fromarray(np.clip(array, 0, 255).astype(np.uint8)).save(kept, "JPEG", quality=quality)
    return np.asarray(Image.open(kept).convert("RGB"))


def _coloured(ink: np.ndarray, paper: np.ndarray, pen: Sequence[float], strength: np.ndarray | float) -> np.ndarray:
    covered = (ink * strength)[..., None]
    return paper * (1 - covered) + np.array(pen) * covered


def pen_on_squared_paper(glyphs: Sequence[np.ndarray], random: np.random.Generator) -> np.ndarray:
    """A blue ball pen on squared paper, under a lamp."""
    ink, rows, columns = _page(random, glyphs, random.uniform(0.3, 0.6))
    paper = np.ones((rows, columns, 3)) * (0.95, 0.94, 0.9)
    apart = max(glyph.shape[0] for glyph in glyphs) * random.uniform(0.35, 0.7)
    lines = _lines(random, rows, columns, apart, both=True)[..., None]
    paper = paper * (1 - lines * (1 - np.array((0.72, 0.8, 0.88))))
    scene = _coloured(ink, paper, (0.13, 0.2, 0.55), 0.9) * _light(random, rows, columns, 0.45)[..., None]
    return _camera(_seen(scene, random), random, noise=4, blur=0.8, quality=80, longest=int(random.integers(500, 1400)))


def pencil(glyphs: Sequence[np.ndarray], random: np.random.Generator) -> np.ndarray:
    """A thin pencil on plain paper, grainy."""
    thin = [
        np.asarray(
            Image.fromarray((255 * glyph).astype(np.uint8)).filter(
                ImageFilter.MinFilter(5 if glyph.mean() > 0.22 else 1)
            ),
            np.float32,
        )
        / 255
        for glyph in glyphs
    ]
    ink, rows, columns = _page(
        random,
        [one if one.max() > 0.5 else glyph for one, glyph in zip(thin, glyphs, strict=True)],
        random.uniform(0.3, 0.6),
    )
    grain = np.clip(0.5 + 0.25 * _smooth(random, rows, columns, 120), 0.3, 0.8)
    scene = (
        _coloured(ink, np.ones((rows, columns, 3)) * 0.93, (0.3, 0.3, 0.32), grain)
        * _light(random, rows, columns, 0.3)[..., None]
    )
    return _camera(_seen(scene, random), random, noise=3, blur=0.7, quality=85, longest=int(random.integers(400, 1200)))


def marker(glyphs: Sequence[np.ndarray], random: np.random.Generator) -> np.ndarray:
    """A thick felt pen of any dark colour, near."""
    ink, rows, columns = _page(random, glyphs, random.uniform(0.55, 0.8))
    pen = [(0.1, 0.1, 0.1), (0.75, 0.1, 0.12), (0.05, 0.45, 0.2), (0.1, 0.15, 0.6)][random.integers(4)]
    scene = (
        _coloured(ink, np.ones((rows, columns, 3)) * (0.96, 0.95, 0.92), pen, 0.95)
        * _light(random, rows, columns, 0.35)[..., None]
    )
    return _camera(_seen(scene, random), random, noise=3, blur=0.6, quality=75, longest=int(random.integers(300, 1000)))


def in_shadow(glyphs: Sequence[np.ndarray], random: np.random.Generator) -> np.ndarray:
    """A black pen, and the shadow of a hand or a telephone over half of the page."""
    ink, rows, columns = _page(random, glyphs, random.uniform(0.3, 0.55))
    scene = _coloured(ink, np.ones((rows, columns, 3)) * (0.93, 0.92, 0.9), (0.12, 0.12, 0.14), 0.92)
    scene = (
        scene
        * (_light(random, rows, columns, 0.3) * _shadow(random, rows, columns, random.uniform(0.3, 0.6)))[..., None]
    )
    return _camera(_seen(scene, random), random, noise=5, blur=0.8, quality=75, longest=int(random.integers(500, 1200)))


def chalk(glyphs: Sequence[np.ndarray], random: np.random.Generator) -> np.ndarray:
    """Chalk on a smeared board."""
    ink, rows, columns = _page(random, glyphs, random.uniform(0.35, 0.65))
    smear = np.clip(0.06 * _smooth(random, rows, columns, 6) + 0.03 * _smooth(random, rows, columns, 30), -0.05, 0.15)
    board = np.ones((rows, columns, 3)) * ((0.13, 0.23, 0.17) if random.random() < 0.7 else (0.12, 0.12, 0.13))
    grain = np.clip(0.8 + 0.3 * random.normal(0, 1, (rows, columns)), 0.25, 1)
    scene = (
        _coloured(ink, board + smear[..., None], (0.92, 0.92, 0.88), grain)
        * _light(random, rows, columns, 0.3)[..., None]
    )
    return _camera(_seen(scene, random), random, noise=5, blur=1.0, quality=80, longest=int(random.integers(500, 1200)))


def screen(glyphs: Sequence[np.ndarray], random: np.random.Generator) -> np.ndarray:
    """A light digit on a dark telephone, its rim in the picture."""
    ink, rows, columns = _page(random, glyphs, random.uniform(0.35, 0.6))
    scene = _coloured(ink, np.ones((rows, columns, 3)) * (0.05, 0.05, 0.07), (0.85, 0.9, 0.95), 1.0)
    return _camera(_seen(scene, random), random, noise=4, blur=1.0, quality=80, longest=int(random.integers(300, 900)))


def scan(glyphs: Sequence[np.ndarray], random: np.random.Generator) -> np.ndarray:
    """A scan at 300 dots an inch: even light, sharp, specks of dust, grey."""
    ink, rows, columns = _page(random, glyphs, random.uniform(0.25, 0.7))
    scene = _coloured(ink, np.ones((rows, columns, 3)) * 0.98, (0.15, 0.15, 0.2), 0.9)
    for _ in range(int(random.integers(0, 12))):
        y, x = random.integers(0, rows - 2), random.integers(0, columns - 2)
        scene[y : y + 2, x : x + 2] = 0.3
    grey = _camera(scene, random, noise=2, blur=0.5, quality=90, longest=int(random.integers(90, 500)))
    return grey[..., 0]


def on_coloured_paper(glyphs: Sequence[np.ndarray], random: np.random.Generator) -> np.ndarray:
    """A pen on a coloured note, on a dark table that shows at the sides."""
    ink, rows, columns = _page(random, glyphs, random.uniform(0.4, 0.6))
    note = [(0.98, 0.9, 0.35), (0.95, 0.6, 0.7), (0.55, 0.8, 0.95), (0.72, 0.55, 0.38)][random.integers(4)]
    scene = _coloured(ink, np.ones((rows, columns, 3)) * note, (0.1, 0.1, 0.2), 0.9)
    table = int(0.16 * min(rows, columns) * random.random())
    if table:
        wood = np.ones((rows + 2 * table, columns + 2 * table, 3)) * (0.3, 0.2, 0.13)
        wood += 0.02 * _smooth(random, *wood.shape[:2], 25)[..., None]
        wood[table:-table, table:-table] = scene
        scene = wood
    scene = scene * _light(random, *scene.shape[:2], 0.3)[..., None]
    return _camera(_seen(scene, random), random, noise=4, blur=0.8, quality=80, longest=int(random.integers(400, 1100)))


def ruled(glyphs: Sequence[np.ndarray], random: np.random.Generator) -> np.ndarray:
    """A black pen on ruled paper, written on the line."""
    ink, rows, columns = _page(random, glyphs, random.uniform(0.3, 0.5))
    apart = max(glyph.shape[0] for glyph in glyphs) * random.uniform(0.9, 1.5)
    lines = _lines(random, rows, columns, apart, both=False)[..., None]
    paper = np.ones((rows, columns, 3)) * (0.97, 0.97, 0.95) * (1 - lines * (1 - np.array((0.6, 0.65, 0.75))))
    scene = _coloured(ink, paper, (0.1, 0.1, 0.12), 0.9) * _light(random, rows, columns, 0.3)[..., None]
    return _camera(_seen(scene, random), random, noise=3, blur=0.7, quality=80, longest=int(random.integers(500, 1200)))


def _seen(scene: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """From a camera held a little askew."""
    image = (255 * np.clip(scene, 0, 1)).astype(np.uint8)
    return _askew(image, random, 0.06) / 255.0


SCENES: dict[str, Scene] = {
    "pen on squared paper": pen_on_squared_paper,
    "pencil": pencil,
    "marker": marker,
    "in shadow": in_shadow,
    "chalk": chalk,
    "screen": screen,
    "scan": scan,
    "on coloured paper": on_coloured_paper,
    "ruled": ruled,
}


def nothing(kind: str, random: np.random.Generator) -> np.ndarray:
    """A picture without anything written: "noise", "blank", or "texture"."""
    rows, columns = (int(random.integers(28, 500)) for _ in range(2))
    if kind == "blank":
        level = (
            np.ones((rows, columns, 3))
            * random.uniform(0.05, 1, 3)
            * _light(random, rows, columns, random.uniform(0, 0.5))[..., None]
        )
        return _camera(
            level, random, noise=float(random.uniform(0, 6)), blur=0.5, quality=80, longest=max(rows, columns)
        )
    if kind == "noise":
        spread = random.uniform(20, 90)
        array = (
            random.normal(127, spread, (rows, columns))
            if random.random() < 0.5
            else random.uniform(0, 256, (rows, columns))
        )
        return np.clip(array, 0, 255).astype(np.uint8)
    knots = int(random.integers(4, 40))
    y, x = np.mgrid[0:rows, 0:columns]
    field = _smooth(random, rows, columns, knots)
    if random.random() < 0.4:  # wood, cloth, stripes
        angle, wave = random.uniform(0, np.pi), random.uniform(4, 40)
        field = np.sin((np.cos(angle) * x + np.sin(angle) * y) / wave + field)
    elif random.random() < 0.4:  # cells
        field = (field > 0) * 1.0 + 0.1 * _smooth(random, rows, columns, 2 * knots)
    level = 0.5 + 0.25 * field[..., None] * random.uniform(0.3, 1.2) * np.ones(3)
    return _camera(level, random, noise=4, blur=0.6, quality=80, longest=max(rows, columns))
