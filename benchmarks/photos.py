"""What a trained network makes of photographs: digits read, letters and nothing refused, how right its probabilities are.

    python -m benchmarks.photos robust=RUN strong=RUN             # runs that are there already
    python -m benchmarks.photos robust=RUN --sheet sheet.png      # draws what the network sees of each kind
    python -m benchmarks.photos robust=RUN --fonts FOLDER         # letters in these fonts
    python -m benchmarks.photos strong=RUN --test                 # calibration on the test set, a reading of it
    python -m benchmarks.photos robust=RUN --index FILE.csv       # pictures of others too: path,label,source,kind
    python -m benchmarks.photos strong=RUN --test --rows          # beside the runs measured before: rows of its own data alone

Photographs are made here (`photographs`, `handwriting`) with Pillow and NumPy, and share no code with what cleans them. Digits
are drawn by strokes, and those of people are the validation rows of the run, which it was not trained on. The letters' fonts
served for nothing else: networks and thresholds know signs drawn by strokes alone (`sonmat.data.scribbles`). Letters that look
like digits (O o D Q I l i j Z z S s B b G g q T) are not counted.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.handwriting import LETTERS, LOOK_ALIKE, font_glyph, fonts, row_glyph, stroke_digit
from benchmarks.machine import library_versions, machine
from benchmarks.photographs import SCENES, nothing
from benchmarks.processes import ROOT
from benchmarks.record import now
from sonmat.files import read_json, write_json
from sonmat.jobs.rows import part_of
from sonmat.runs.folder import load_run, located
from sonmat.serve.predictor import Answered, Predictor

RESULTS = ROOT / "benchmarks" / "results" / "photos.json"
_BINS = 15


def photographed(run: str, source: str, count: int, seed: int) -> Iterator[tuple[str, int, np.ndarray]]:
    """Scene, digit and photograph: `count` of each scene. `source` is "strokes" or "people"."""
    rows = part_of(load_run(located(run)[0]), "validation", None) if source == "people" else None
    for number, (scene, photograph) in enumerate(SCENES.items()):
        random = np.random.default_rng([seed, number, source == "people"])
        for _ in range(count):
            if rows is None:
                digit = int(random.integers(10))
                glyph = stroke_digit(digit, random)
            else:
                row = int(random.integers(len(rows)))
                digit, glyph = int(rows.labels[row]), row_glyph(rows.inputs[row].reshape(28, 28))
            yield scene, digit, photograph([glyph], random)


def lettered(count: int, seed: int, folder: str | None) -> Iterator[tuple[str, str, np.ndarray]]:
    """Font, letter and photograph."""
    random = np.random.default_rng([seed, 77])
    known, scenes = fonts(folder), list(SCENES.values())
    letters = [letter for letter in LETTERS if letter not in LOOK_ALIKE]
    for i in range(count):
        font = known[int(random.integers(len(known)))]
        letter = letters[i % len(letters)]
        glyph = font_glyph(letter, font, random, wild=float(random.uniform(0, 1)))
        yield font.stem, letter, scenes[int(random.integers(len(scenes)))]([glyph], random)


def of_others(index: str) -> Iterator[tuple[str, str, int, np.ndarray]]:
    """Kind, source, digit and picture of every row of a CSV file of `path,label,source,kind`; paths are relative to it."""
    from sonmat.data.image_file import open_image

    with open(index, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield row["kind"], row["source"], int(row["label"]), open_image(Path(index).parent / row["path"])


def read(predictor: Predictor, pictures: Sequence[np.ndarray]) -> list[Answered]:
    """Answers to all pictures, some at a time."""
    return [one for start in range(0, len(pictures), 64) for one in predictor.photos(pictures[start : start + 64])]


def measured(name: str, run: str, asked: argparse.Namespace) -> dict[str, Any]:
    """Every figure of one run."""
    predictor = Predictor.open(run)
    told: dict[str, Any] = {"run": name}
    if not asked.rows:
        told |= _of_pictures(predictor, name, run, asked)
    told["validation"] = calibration(predictor, run, "validation")
    if asked.test:
        told["test"] = calibration(predictor, run, "test")
    if not asked.untimed and not asked.rows:
        told["process_seconds"] = whole_process(run)
    return told


def _of_pictures(predictor: Predictor, name: str, run: str, asked: argparse.Namespace) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for source in ("strokes", "people"):
        made = list(photographed(run, source, asked.count, asked.seed))
        answers = read(predictor, [picture for _, _, picture in made])
        told[source] = _digits(made, answers)
        _sheet(asked.sheet, f"{name}-{source}", made, answers)
    made_letters = list(lettered(10 * asked.count, asked.seed, asked.fonts))
    answers = read(predictor, [picture for _, _, picture in made_letters])
    told["letters"] = _refused(answers, [letter for _, letter, _ in made_letters])
    _sheet(asked.sheet, f"{name}-letters", made_letters, answers)
    if asked.index:
        told["others"] = _others(predictor, asked.index, asked.sheet, name)
    random = np.random.default_rng([asked.seed, 99])
    for kind in ("noise", "blank", "texture"):
        empty = [nothing(kind, random) for _ in range(10 * asked.count)]
        answers = read(predictor, empty)
        told[kind] = _refused(answers, [kind] * len(empty))
        _sheet(asked.sheet, f"{name}-{kind}", [(kind, "", picture) for picture in empty], answers)
    return told


def _digits(made: Sequence[tuple[str, int, np.ndarray]], answers: Sequence[Answered]) -> dict[str, Any]:
    right = np.array([one.label == str(digit) for (_, digit, _), one in zip(made, answers, strict=True)])
    sure = np.array([not one.unsure for one in answers])
    scenes = np.array([scene for scene, _, _ in made])
    return {
        "n": len(made),
        "accuracy": float(right.mean()),
        "kept": float(sure.mean()),
        "accuracy_of_kept": float(right[sure].mean()) if sure.any() else None,
        "scenes": {scene: float(right[scenes == scene].mean()) for scene in dict.fromkeys(scenes.tolist())},
    }


def _others(predictor: Predictor, index: str, sheet: str | None, name: str) -> dict[str, Any]:
    """By kind of picture, and over all. A source is a person or a collection."""
    found = list(of_others(index))
    made = [(kind, digit, picture) for kind, _, digit, picture in found]
    answers = read(predictor, [picture for _, _, picture in made])
    _sheet(sheet, f"{name}-others", made, answers)
    kinds = np.array([kind for kind, *_ in found])
    told = {}
    for kind in sorted(set(kinds.tolist())):
        rows = np.flatnonzero(kinds == kind)
        told[kind] = _digits([made[i] for i in rows], [answers[i] for i in rows])
        told[kind] = {key: value for key, value in told[kind].items() if key != "scenes"}
        told[kind]["sources"] = len({found[i][1] for i in rows})
    return told


def summarize(runs: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Of each run what is asked of it: others' digits of all kinds together, and the least that is refused of nothing."""
    told = {}
    for name, run in runs.items():
        others = run.get("others", {}).values()
        count = sum(one["n"] for one in others)
        told[name] = {
            "others": sum(one["accuracy"] * one["n"] for one in others) / count if count else None,
            "letters": run["letters"]["refused"] if "letters" in run else None,
            "nothing": min(
                (run[kind]["refused"] for kind in ("noise", "blank", "texture") if kind in run), default=None
            ),
            "calibration_error": run.get("test", run["validation"])["calibration_error"],
        }
    return told


def _refused(answers: Sequence[Answered], what: Sequence[str]) -> dict[str, Any]:
    unsure = np.array([one.unsure for one in answers])
    kinds = np.array(what)
    return {
        "n": len(answers),
        "refused": float(unsure.mean()),
        "worst": dict(
            sorted(((kind, float(unsure[kinds == kind].mean())) for kind in set(what)), key=lambda pair: pair[1])[:8]
        ),
    }


def calibration(predictor: Predictor, run: str, part: str) -> dict[str, Any]:
    """The expected calibration error over 15 bins of equal width (Guo et al. 2017), accuracy, and the share kept."""
    from sonmat.jobs.evaluate import evaluate_run

    rows = part_of(load_run(located(run)[0]), part, None)
    if part == "test":
        evaluate_run(run)  # which counts the reading that follows
    answers = predictor.rows(rows.inputs)
    chances = np.stack([one.probabilities for one in answers])
    right, sure = chances.argmax(1) == rows.labels, np.array([not one.unsure for one in answers])
    return {
        "n": len(rows),
        "accuracy": float(right.mean()),
        "calibration_error": calibration_error(chances.max(1), right),
        "kept": float(sure.mean()),
        "accuracy_of_kept": float(right[sure].mean()),
    }


def calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int = _BINS) -> float:
    """The mean distance of confidence from accuracy over bins of confidence, each weighed by its rows."""
    places = np.minimum((confidence * bins).astype(int), bins - 1)
    counts = np.bincount(places, minlength=bins)
    gaps = np.bincount(places, confidence, bins) - np.bincount(places, right.astype(float), bins)
    return float(np.abs(gaps[counts > 0]).sum() / len(right))


def whole_process(run: str, times: int = 5) -> dict[str, Any]:
    """Seconds that `sonmat predict RUN photo.jpg` takes as a process of its own, after a first one."""
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder) / "photo.jpg"
        Image.fromarray(
            SCENES["pen on squared paper"]([stroke_digit(5, np.random.default_rng(0))], np.random.default_rng(0))
        ).save(photo)
        taken = []
        for _ in range(times + 1):
            begin = time.perf_counter()
            subprocess.run(
                [sys.executable, "-m", "sonmat.cli", "predict", run, str(photo), "--json"],
                check=True,
                stdout=subprocess.DEVNULL,
            )
            taken.append(time.perf_counter() - begin)
    return {
        "first": round(taken[0], 3),
        "median": round(statistics.median(taken[1:]), 3),
        "each": [round(t, 3) for t in taken[1:]],
    }


def _sheet(
    path: str | None, name: str, made: Sequence[tuple[str, Any, np.ndarray]], answers: Sequence[Answered]
) -> None:
    """Photographs beside what the network sees of them: what was wrong or doubtful first."""
    if not path:
        return
    from PIL import ImageDraw

    order = sorted(range(len(made)), key=lambda i: (answers[i].label == str(made[i][1]), not answers[i].unsure, i))[:60]
    tile, columns = 150, 6
    sheet = Image.new("RGB", (columns * 2 * tile, -(-len(order) // columns) * (tile + 16)), "white")
    draw = ImageDraw.Draw(sheet)
    for place, i in enumerate(order):
        left, top = place % columns * 2 * tile, place // columns * (tile + 16)
        photo = Image.fromarray(made[i][2]).convert("RGB")
        photo.thumbnail((tile - 4, tile - 4))
        sheet.paste(photo, (left, top))
        seen = answers[i].seen
        if seen is not None:
            sheet.paste(
                Image.fromarray(seen.reshape(28, 28)).resize((tile - 4, tile - 4), Image.Resampling.NEAREST),
                (left + tile, top),
            )
        draw.text(
            (left, top + tile - 2),
            f"{made[i][1]} -> {answers[i].label} {answers[i].probabilities.max():.2f} {'?' if answers[i].unsure else ''} {made[i][0][:16]}",
            fill="black",
        )
    target = Path(path)
    sheet.save(target.with_stem(f"{target.stem}-{name}"))


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Measure what networks make of photographs.")
    parser.add_argument("runs", nargs="+", metavar="NAME=RUN")
    parser.add_argument(
        "--count", type=int, default=40, help="photographs of each scene; ten times as many of letters and of nothing"
    )
    parser.add_argument("--seed", type=int, default=6)
    parser.add_argument("--fonts", help="a folder of fonts for the letters")
    parser.add_argument("--index", help="a CSV file of pictures of others: path,label,source,kind")
    parser.add_argument("--untimed", action="store_true", help="do not time whole processes")
    parser.add_argument("--sheet", help="where to draw sheets (PNG)")
    parser.add_argument("--test", action="store_true", help="read the test set too")
    parser.add_argument("--rows", action="store_true", help="no pictures: the rows alone, and keep the runs of --out")
    parser.add_argument("--out", default=str(RESULTS))
    asked = parser.parse_args()
    before = (read_json(asked.out) or {}) if asked.rows else {}
    found: dict[str, dict[str, Any]] = dict(before.get("runs", {}))
    for pair in asked.runs:
        name, _, run = pair.partition("=")
        found[name] = measured(name, run, asked)
        print(json.dumps(found[name], indent=1))
    about = before.get("about") or {
        "date": now(),
        "seed": asked.seed,
        "count": asked.count,
        "fonts": sorted({font.stem for font in fonts(asked.fonts)}),
        "versions": library_versions(),
        "machine": machine(),
    }
    write_json(asked.out, {"about": about, "runs": found, "summary": summarize(found)})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
