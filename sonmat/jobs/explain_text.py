"""Explaining what a network makes of one sentence: which words decided."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sonmat.data.progress import Progress
from sonmat.engine.erasure import Part, pieces, words
from sonmat.errors import DataError
from sonmat.files import storing
from sonmat.jobs.explain import FOLDER
from sonmat.language import say
from sonmat.runs.folder import Run, load_run, located

PICTURE = "words.png"


@dataclass(frozen=True, eq=False)
class ExplainedText:
    """What was found and drawn.

    Attributes:
        sentence: The text.
        name: The class it was taken for.
        probabilities: Of every class, in the classes' order.
        classes: Their names.
        words: How much each word speaks for that class.
        pieces: The same of what the sentence was cut into; empty where that cannot be told.
        pictures: The files, by name.
    """

    sentence: str
    name: str
    probabilities: np.ndarray
    classes: tuple[str, ...]
    words: tuple[Part, ...]
    pieces: tuple[Part, ...]
    pictures: dict[str, Path] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""

        def told(parts: tuple[Part, ...]) -> list[dict[str, Any]]:
            return [{"text": one.text, "start": one.start, "stop": one.stop, "weight": one.weight} for one in parts]

        return {
            "text": self.sentence,
            "class": self.name,
            "probabilities": [round(float(p), 7) for p in self.probabilities],
            "words": told(self.words),
            "pieces": told(self.pieces),
            "pictures": {name: str(path) for name, path in self.pictures.items()},
        }


def explain_text(
    run: str | os.PathLike[str], sentence: str, *, out: str | os.PathLike[str] | None = None
) -> ExplainedText:
    """Say and draw which words of a sentence decided.

    Args:
        run: A run folder or model file that reads sentences.
        sentence: The text.
        out: The folder for the picture; by default `explain` in the run's folder.

    Raises:
        DataError: The network reads no sentences, or there is no word in this one.
    """
    from sonmat.serve.predictor import Predictor

    place, folder = located(run)
    loaded = load_run(place)
    tokenizer = needed_tokenizer(loaded, run)
    if not sentence.strip():
        raise DataError(
            say("There is no word in the sentence.", "문장에 단어가 없습니다."),
            say('Give one: --text "where is my parcel"', '문장을 주세요: --text "환불하고 싶어요"'),
        )
    predictor = Predictor.open(place)
    answer, classes = predictor.texts([sentence])[0], predictor.classes
    number = int(answer.probabilities.argmax())
    found = ExplainedText(
        sentence,
        classes[number],
        answer.probabilities,
        classes,
        tuple(words(loaded.model, tokenizer, sentence, number)),
        tuple(pieces(loaded.model, tokenizer, sentence, number)),
    )
    target = Path(out).expanduser() if out is not None else (Path(folder.path) if folder else Path()) / FOLDER
    with storing(target):
        target.mkdir(parents=True, exist_ok=True)
    from sonmat.view.words_that_decided import sentence_picture

    said = found.name, float(answer.probabilities[number])
    drawn = sentence_picture(sentence, found.words, found.pieces, said, target / PICTURE)
    assert isinstance(drawn, Path)
    found.pictures["words"] = drawn
    return found


def picked_sentence(
    run: str | os.PathLike[str], pick: int, data: str | os.PathLike[str] | None, *, progress: Progress | None = None
) -> str | None:
    """A sentence of the test set by its row's number; None where a run reads no sentences.

    Raises:
        DataError: A row that the test set does not have.
    """
    from sonmat.jobs.predict import check_rows
    from sonmat.jobs.rows import part_of

    place, folder = located(run)
    if folder is None or folder.recipe.tokens is None:
        return None
    test = part_of(load_run(place), "test", data, progress=progress)
    check_rows(test, [pick])
    return None if test.sentences is None else str(test.sentences[pick])


def needed_tokenizer(run: Run, name: str | os.PathLike[str]) -> Any:
    """What cuts sentences for a run.

    Raises:
        DataError: It reads none.
    """
    if run.tokenizer is None:
        raise DataError(
            say(f"{name} reads no sentences.", f"{name}은(는) 문장을 읽지 않습니다."),
            say(
                "Train one that does: sonmat train textcnn --data FILE.csv",
                "문장을 읽는 모델을 학습하세요: sonmat train textcnn --data FILE.csv",
            ),
        )
    return run.tokenizer
