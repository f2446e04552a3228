"""A trained model at work: photographs or raw inputs in, classes with probabilities out, *unsure* where it should not answer."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sonmat.data.finished import Cleaned, finished
from sonmat.data.fitting import resized
from sonmat.data.sentences import checked_sentences
from sonmat.engine.answer import Answer
from sonmat.engine.outputs import probabilities_of
from sonmat.errors import DataError, UnsupportedError
from sonmat.language import say
from sonmat.runs.tokenizer_card import tokenizer_of
from sonmat.serve.kept_network import Opened, open_network
from sonmat.serve.reasons import no_ink, no_word, reason_of, several, unread


@dataclass(frozen=True, eq=False)
class Answered:
    """What a model says of one input.

    Attributes:
        label: The class with the largest probability.
        probabilities: Of every class, (classes,), calibrated; they sum to 1.
        unsure: Whether the model should not be asked about this input.
        reason: Why, in the user's language; "" where it is sure.
        seen: What the network saw, a raw input: for MNIST (28, 28) uint8.
        box: Where in the picture that was: top, left, bottom, right; None where it is not known.
    """

    label: str
    probabilities: np.ndarray
    unsure: bool
    reason: str
    seen: np.ndarray | None
    box: tuple[int, int, int, int] | None = None


class Predictor:
    """A trained model that answers; `Predictor.open(RUN)` makes one. It may be asked from several threads.

    Attributes:
        kind: "image" or "text"; "numbers" where an input is neither.
        classes: The classes' names, in the order of the probabilities.
        shape: Of one raw input.
        cleaning: What `photos` does: "strokes" cleans a picture to centred strokes as MNIST's are, "resized" makes it as
            large as the model's own pictures and does no more.
        box: The longer side of cleaned strokes, as a share of the picture's side.
    """

    def __init__(self, opened: Opened, scale: float | None = None) -> None:
        self._network = opened.network
        about = opened.about
        self.kind: str = about["kind"]
        self.classes: tuple[str, ...] = tuple(about["classes"])
        self.shape: tuple[int, ...] = tuple(about["shape"])
        self.cleaning: str = about["cleaning"]
        self.box: float = about["box"]
        self.scale: float = about["scale"] if about["scaled"] or scale is None else scale
        self._said = bool(about["scaled"]) or scale is not None
        self._answer = Answer.from_card(about.get("answer"))
        self._tokenizer = tokenizer_of(about)

    @classmethod
    def open(cls, model: str | os.PathLike[str], *, lasting: bool = False, scale: float | None = None) -> Predictor:
        """A run folder or its name, a `.keras` or an `.h5` file.

        The first time the network is worked out with Keras and kept in the user's cache folder under its file's SHA-256, as
        a list of operations for NumPy that was tested to give the same numbers within 1e-5; after that neither Keras nor
        JAX is imported. A model that NumPy cannot run answers through Keras.

        Args:
            model: The trained model. Nothing in a run folder is executed, as it may be a stranger's.
            lasting: Whether it will be asked many times: then the network is compiled, which takes seconds at first.
            scale: What raw inputs are divided by where the model does not say.

        Raises:
            ModelFileError: The file is missing, broken, or not safe to read.
            RunError: The folder is no run, or has no trained model yet.
        """
        return cls(open_network(model, lasting=lasting), scale)

    def photos(self, pictures: Sequence[np.ndarray]) -> list[Answered]:
        """What is written in each picture, or shown in it.

        Args:
            pictures: As `sonmat.data.image_file.open_image` gives them: uint8, (rows, columns) or (rows, columns, 3).

        Raises:
            DataError: The model does not take pictures, or these are none.
        """
        return self.prepared_photos([self.prepared(one) for one in pictures])

    def prepared(self, picture: np.ndarray) -> Cleaned:
        """A picture as the model takes it, which needs far less memory.

        Raises:
            DataError: As `photos` does.
        """
        side = self._side()
        return self._cleaned(_checked(picture), side) if side else self._fitted(_checked(picture))

    def prepared_photos(self, found: Sequence[Cleaned]) -> list[Answered]:
        """What is written in each picture that was `prepared`, or shown in it."""
        if not found:
            return []
        rows = np.stack([one.image for one in found]).reshape(len(found), *self.shape)
        reasons = [no_ink() if not one.inked else several(one.others) if one.others else "" for one in found]
        return self._answers(rows, reasons, [one.box for one in found])

    def drawings(self, pictures: Sequence[np.ndarray]) -> list[Answered]:
        """What is drawn on each plain canvas: as `photos`, in a tenth of the time.

        Args:
            pictures: uint8, (rows, columns) or (rows, columns, 3), without light and shadow.

        Raises:
            DataError: The model does not take pictures, or these are none.
        """
        from sonmat.data.photo import drawn

        side = self._side()
        return self.prepared_photos(
            [drawn(_checked(one), side, self.box) if side else self._fitted(_checked(one)) for one in pictures]
        )

    def photo_of_many(self, picture: np.ndarray) -> list[Answered]:
        """Every digit in one picture, in reading order, each with its box; none where there is no ink.

        Raises:
            DataError: The model does not take digits, or this is no picture.
        """
        side = self._side()
        if not side:
            raise DataError(
                say(
                    "Several things in one picture are told apart for digits alone, and this model was trained on other pictures.",
                    "한 그림에서 여럿을 나누는 것은 숫자 모델에서만 되는데, 이 모델은 다른 그림으로 학습했습니다.",
                ),
                say("Give one picture for each.", "하나씩 따로 잘라 주세요."),
            )
        from sonmat.data.photo import cleaned_all

        return self.prepared_photos(cleaned_all(_checked(picture), side, self.box))

    def rows(self, rows: np.ndarray) -> list[Answered]:
        """What raw inputs are, in the network's own form: for MNIST (n, 28, 28) numbers from 0 to 255.

        Raises:
            DataError: They have another shape, or hold what is no number.
        """
        given = np.asarray(rows)
        if given.shape[1:] != self.shape or given.dtype.kind not in "uifb" or not np.isfinite(given).all():
            wanted = " × ".join(map(str, self.shape))
            raise DataError(
                say(
                    f"Inputs of {wanted} finite numbers each were expected, (n, {wanted}); these are {given.shape} {given.dtype}.",
                    f"입력 하나가 유한한 수 {wanted}개여야 하는데(n, {wanted}) {given.shape} {given.dtype}입니다.",
                ),
                say("Reshape them; a single one: rows[None].", "모양을 맞추세요. 하나라면 rows[None]."),
            )
        if not len(given):
            return []
        blank = [not (one != one.flat[0]).any() for one in given] if self.kind == "image" else [False] * len(given)
        return self._answers(given, [no_ink() if empty else "" for empty in blank], [None] * len(given))

    def texts(self, texts: Sequence[str]) -> list[Answered]:
        """What each sentence means.

        Raises:
            UnsupportedError: The model does not take sentences.
        """
        if self._tokenizer is None:
            raise UnsupportedError(
                say("This model does not take sentences.", "이 모델은 문장을 받지 않습니다."),
                say("Train one that does: the recipe textcnn.", "문장 모델을 학습하세요: 레시피 textcnn."),
            )
        if not texts:
            return []
        rows = self._tokenizer.encode(list(checked_sentences(texts)))
        known = [bool((row > 1).any()) for row in rows]  # 0 fills a sentence up, 1 is a piece that no training row had
        reasons = [
            "" if good else unread() if text.strip() else no_word() for text, good in zip(texts, known, strict=True)
        ]
        return self._answers(rows, reasons, [None] * len(rows))

    def _side(self) -> int:
        """Pixels a side of the digits that the model takes; 0 where it takes other pictures."""
        if self.kind != "image":
            raise DataError(
                say(
                    f"The model takes inputs of shape {self.shape}, which are no images.",
                    f"모델의 입력 {self.shape}은(는) 이미지가 아닙니다.",
                ),
                say(
                    "Use Predictor.rows, or sonmat.predict with arrays.",
                    "Predictor.rows나, 배열로 sonmat.predict를 쓰세요.",
                ),
            )
        return self.shape[0] if self.cleaning == "strokes" else 0

    def _cleaned(self, picture: np.ndarray, side: int) -> Cleaned:
        ready = finished(picture, side, self.box)
        if ready is not None:
            return ready
        from sonmat.data.photo import cleaned  # and with it SciPy, which takes a third of a second to import

        return cleaned(picture, side, self.box)

    def _fitted(self, picture: np.ndarray) -> Cleaned:
        channels = self.shape[2] if len(self.shape) == 3 else 1
        return Cleaned(resized(picture, (self.shape[0], self.shape[1]), channels), (0, 0, *picture.shape[:2]))

    def scaled(self, rows: np.ndarray) -> np.ndarray:
        """Raw inputs, (n, …), as the network itself takes them."""
        # Of a model that does not say what it divides by, whole numbers are pixels and others are ready.
        scale = self.scale if self._said or rows.dtype.kind in "ub" else 1.0
        return rows if scale == 1 and rows.dtype.kind != "u" else rows.astype(np.float32) / np.float32(scale)

    def _answers(
        self, rows: np.ndarray, reasons: Sequence[str], boxes: Sequence[tuple[int, int, int, int] | None]
    ) -> list[Answered]:
        outputs, features = self._network(self.scaled(rows))
        plain = probabilities_of(outputs)
        verdict = self._answer.judged(plain, features)
        told = []
        for i, row in enumerate(rows):
            chances = verdict.probabilities[i]
            reason = reasons[i] or (
                "" if verdict.sure[i] else reason_of(chances, self.classes, odd=bool(verdict.odd[i]))
            )
            told.append(Answered(self.classes[int(chances.argmax())], chances, bool(reason), reason, row, boxes[i]))
        return told


def _checked(picture: np.ndarray) -> np.ndarray:
    given = np.asarray(picture)
    fits = given.ndim == 2 or (given.ndim == 3 and given.shape[2] == 3)
    if given.dtype != np.uint8 or not fits or 0 in given.shape:
        raise DataError(
            say(
                f"A picture should be uint8, (rows, columns) or (rows, columns, 3); this is {given.dtype}, {given.shape}.",
                f"그림은 uint8의 (행, 열) 또는 (행, 열, 3)이어야 하는데 {given.dtype}, {given.shape}입니다.",
            ),
            say(
                "Open files with sonmat.data.image_file.open_image.",
                "파일은 sonmat.data.image_file.open_image로 여세요.",
            ),
        )
    return given
