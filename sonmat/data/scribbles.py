"""Signs that are no digits, drawn by strokes: letters, syllables' parts, marks and mere scribbles."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

# Strokes as points in a box of 1 × 1 from the top left: "x,y x,y …", strokes apart by ";". A stroke of more than two points
# is a smooth curve through them, one that begins with "|" has corners. Letters that look like a digit are left out, as they
# are digits to whoever sees them alone: O D Q I l i j Z S s B b G g q T.
SIGNS = {
    "A": "0,1 .5,0;.5,0 1,1;.2,.6 .8,.6",
    "C": ".95,.15 .6,0 .15,.2 .05,.55 .2,.9 .6,1 .95,.85",
    "E": "|.9,0 .1,0 .1,1 .9,1;.1,.5 .75,.5",
    "F": "|.9,0 .1,0 .1,1;.1,.48 .75,.48",
    "H": ".1,0 .1,1;.9,0 .9,1;.1,.5 .9,.5",
    "J": ".3,0 .95,0;.7,0 .68,.6 .6,.92 .3,1 .05,.75",
    "K": ".12,0 .12,1;.9,0 .12,.55;.35,.42 .95,1",
    "L": "|.15,0 .15,1 .9,1",
    "M": "|0,1 .12,0 .5,.7 .88,0 1,1",
    "N": "|.08,1 .08,0 .92,1 .92,0",
    "P": ".12,1 .12,0;.12,.02 .6,0 .92,.2 .65,.5 .12,.52",
    "R": ".12,1 .12,0;.12,.02 .6,0 .9,.22 .6,.48 .12,.5;.45,.5 .95,1",
    "U": ".08,0 .1,.65 .3,.97 .65,.97 .88,.65 .92,0",
    "V": "|0,0 .5,1 1,0",
    "W": "|0,0 .25,1 .5,.3 .75,1 1,0",
    "X": "0,0 1,1;1,0 0,1",
    "Y": "0,0 .5,.48;1,0 .5,.48;.5,.48 .5,1",
    "a": ".85,.15 .5,0 .1,.3 .1,.75 .4,1 .75,.8 .88,.3;.88,.05 .86,.75 1,1",
    "c": ".9,.12 .5,0 .1,.3 .1,.7 .45,1 .92,.85",
    "d": ".82,.5 .45,.4 .12,.65 .3,.98 .65,.9 .82,.6;.84,0 .82,.98",
    "e": ".1,.52 .9,.48 .75,.1 .4,.02 .08,.35 .1,.75 .5,1 .92,.82",
    "f": ".9,.08 .65,0 .45,.2 .42,1;.1,.42 .85,.42",
    "h": ".12,0 .12,1;.12,.6 .5,.38 .82,.55 .85,1",
    "k": ".15,0 .15,1;.8,.38 .15,.7;.38,.6 .88,1",
    "m": ".05,0 .05,1;.05,.35 .3,.02 .48,.3 .5,1;.5,.35 .75,.02 .93,.3 .95,1",
    "n": ".1,0 .1,1;.1,.4 .5,.02 .85,.3 .88,1",
    "p": ".12,.02 .12,1;.12,.1 .55,.0 .88,.28 .6,.58 .12,.5",
    "r": ".2,0 .2,1;.2,.4 .5,.05 .9,.1",
    "t": ".45,0 .42,.75 .6,1 .9,.9;.08,.28 .85,.28",
    "u": ".1,0 .1,.65 .4,1 .82,.7;.85,0 .85,1",
    "v": "|0,0 .5,1 1,0",
    "w": ".0,.0 .2,1 .5,.2 .8,1 1,0",
    "x": "0,0 1,1;.95,0 .02,1",
    "y": "0,0 .5,.55;1,0 .5,.6 .15,1",
    "ㄱ": "|.05,.05 .95,.05 .8,1",
    "ㄷ": "|.95,0 .08,0 .08,.95 .98,.95",
    "ㄹ": "|.05,0 .92,0 .92,.48 .08,.5 .08,.98 .98,.98",
    "ㅁ": "|.05,.02 .95,.02 .95,.98 .05,.98 .05,.02",
    "ㅂ": ".1,0 .1,1;.9,0 .9,1;.1,.5 .9,.5;.1,1 .9,1",
    "ㅅ": ".55,0 .05,1;.45,.35 .98,1",
    "ㅈ": "0,.05 1,.05;.55,.08 .05,1;.5,.4 .98,1",
    "ㅋ": "|.05,.02 .92,.02 .8,1;.08,.48 .85,.46",
    "ㅌ": "|.95,.02 .08,.02 .08,.98 .98,.98;.08,.5 .9,.5",
    "ㅎ": ".3,0 .7,0;0,.25 1,.25;.5,.4 .15,.7 .5,1 .85,.7 .5,.4",
    "ㅏ": ".3,0 .3,1;.3,.5 .95,.5",
    "ㅗ": ".5,0 .5,.9;0,.95 1,.95",
    "ㅑ": ".3,0 .3,1;.3,.3 .95,.3;.3,.65 .95,.65",
    "+": ".5,0 .5,1;0,.5 1,.5",
    "=": "0,.3 1,.3;0,.7 1,.7",
    "#": ".35,0 .25,1;.75,0 .65,1;0,.32 1,.32;0,.68 1,.68",
    "*": ".5,0 .5,1;.05,.25 .95,.75;.95,.25 .05,.75",
    "?": ".1,.2 .45,0 .85,.18 .7,.42 .48,.55 .48,.72;.48,.93 .48,.98",
    "%": ".9,0 .1,1;.2,.05 .05,.2 .2,.35 .35,.2 .2,.05;.8,.65 .65,.8 .8,.95 .95,.8 .8,.65",
    "&": ".95,1 .25,.3 .4,.02 .65,.2 .15,.65 .3,.98 .7,.85 .95,.5",
    "^": "|0,.8 .5,0 1,.8",
    "<": "|.95,0 .05,.5 .95,1",
    ">": "|.05,0 .95,.5 .05,1",
    "→": "0,.5 1,.5;.65,.2 1,.5;.65,.8 1,.5",
    "✓": "|0,.55 .35,1 1,0",
    "∼": "0,.6 .25,.35 .55,.55 .8,.7 1,.4",
    "△": "|.5,0 1,.95 0,.95 .5,0",
    "☆": "|.5,0 .8,.95 .02,.35 .98,.35 .2,.95 .5,0",
    "♡": ".5,.95 .05,.4 .2,.02 .5,.3 .8,.02 .95,.4 .5,.95",
    "◇": "|.5,0 1,.5 .5,1 0,.5 .5,0",
    "@": ".65,.35 .4,.35 .35,.6 .6,.65 .68,.35 .75,.7 .97,.5 .75,.05 .25,.08 .02,.5 .3,.95 .85,.92",
    "α": ".95,.1 .6,.85 .25,.95 .05,.55 .3,.08 .6,.3 .95,.95",
    "Σ": "|.95,.1 .95,0 .05,0 .55,.5 .05,1 .95,1 .95,.9",
    "π": "0,.1 1,.05;.3,.1 .2,1;.7,.1 .72,.85 .95,1",
    "…": ".05,.9 .08,.93;.48,.9 .51,.93;.92,.9 .95,.93",
    "/": "1,0 0,1;.9,0 .7,.2",
    "÷": "0,.5 1,.5;.5,.05 .52,.1;.5,.9 .52,.95",
}
_BIG = 112  # pixels a side in which strokes are drawn before they are framed


def sign(random: np.random.Generator, side: int = 28) -> np.ndarray:
    """One of `SIGNS` as a hand might write it, framed as a digit would be: (side, side) uint8."""
    names = list(SIGNS)
    strokes = [_points(stroke, random) for stroke in SIGNS[names[random.integers(len(names))]].split(";")]
    return _drawn(strokes, random, side, wide=random.uniform(0.45, 1.1), slant=random.uniform(-0.25, 0.35))


def scribble(random: np.random.Generator, side: int = 28) -> np.ndarray:
    """One to five strokes that mean nothing, framed as a digit would be."""
    strokes = []
    for _ in range(int(random.integers(1, 6))):
        start = random.uniform(0, 1, 2)
        count = int(random.integers(2, 8))
        steps = random.normal(0, 0.35, (count, 2))
        line = np.clip(start + np.concatenate([np.zeros((1, 2)), np.cumsum(steps, 0)]), 0, 1)
        strokes.append(_curve(line) if random.random() < 0.7 else line)
    return _drawn(strokes, random, side, wide=random.uniform(0.5, 1.2), slant=0.0)


def _points(stroke: str, random: np.random.Generator) -> np.ndarray:
    cornered = stroke.startswith("|")
    points = np.array([[float(number) for number in pair.split(",")] for pair in stroke.lstrip("|").split()])
    points = points + random.normal(0, 0.035, points.shape)
    return points if cornered or len(points) < 3 else _curve(points)


def _curve(points: np.ndarray) -> np.ndarray:
    """A smooth curve through points: cubic Hermite pieces with slopes from the neighbours."""
    if len(points) < 3:
        return points
    slopes = np.gradient(points, axis=0)
    t = np.linspace(0, 1, 9)[:, None]
    pieces = [
        (2 * t**3 - 3 * t**2 + 1) * a + (t**3 - 2 * t**2 + t) * da + (3 * t**2 - 2 * t**3) * b + (t**3 - t**2) * db
        for a, b, da, db in zip(points, points[1:], slopes, slopes[1:], strict=False)
    ]
    return np.concatenate(pieces)


def _drawn(
    strokes: list[np.ndarray], random: np.random.Generator, side: int, *, wide: float, slant: float
) -> np.ndarray:
    pen = random.uniform(0.07, 0.19) * _BIG
    image = Image.new("L", (2 * _BIG, 2 * _BIG))
    draw = ImageDraw.Draw(image)
    angle = np.radians(random.uniform(-10, 10))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    for stroke in strokes:
        line = stroke - 0.5
        line = np.stack([wide * (line[:, 0] - slant * line[:, 1]), line[:, 1]], 1) @ turn.T
        points = [tuple(point) for point in line * _BIG + _BIG]
        draw.line(points, fill=255, width=max(1, round(pen)), joint="curve")
        for x, y in (points[0], points[-1]):
            draw.ellipse((x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2), fill=255)
    return _centred(image, side)


def _centred(image: Image.Image, side: int) -> np.ndarray:
    """As `sonmat.data.framing.framed`, for strokes whose width is known: a hundredth of the time."""
    cut = image.crop(image.getbbox() or (0, 0, 1, 1))
    box = side * 20 / 28
    scale = box / max(cut.size)
    small = np.asarray(
        cut.resize((max(1, round(cut.width * scale)), max(1, round(cut.height * scale))), Image.Resampling.BOX),
        np.float32,
    )
    total = max(float(small.sum()), 1.0)
    down = float((small.sum(1) * np.arange(len(small))).sum()) / total
    across = float((small.sum(0) * np.arange(small.shape[1])).sum()) / total
    top = min(max(0, round(side / 2 - down)), side - small.shape[0])
    left = min(max(0, round(side / 2 - across)), side - small.shape[1])
    made = np.zeros((side, side), np.uint8)
    made[top : top + small.shape[0], left : left + small.shape[1]] = np.minimum(255, 1.15 * small)
    return made
