"""Findings about the network itself: dead units, layers that never moved, dropout, answers that are always the same."""

from __future__ import annotations

import math
from collections.abc import Iterator

from sonmat.engine.evidence import Part
from sonmat.language import say
from sonmat.view.finding import Case, Finding, skill
from sonmat.view.words import percent

_DEAD, _SOME_DEAD = 0.5, 0.25  # of a layer's units
_CONSTANT = 0.98
_SEEN_ENOUGH = 20  # validation rows of a class that is never said
_DROPPED, _MUCH = 0.08, 0.75  # accuracy that training hides; a rate that is too high wherever little was learnt
_LEARNT = 0.5  # skill
_OVERCONFIDENT, _BIT_OVERCONFIDENT = 0.05, 0.015  # confidence above accuracy, the low end of its interval
_Z = 1.959963984540054  # 95 %
_CONFUSED_ROWS, _CONFUSED_ERRORS = 0.12, 0.25


def network_findings(case: Case) -> Iterator[Finding]:
    """What is wrong with the layers and their answers."""
    for one in (_dead, _frozen, _dropout, _constant, _never, _confidence, _confusion):
        found = one(case)
        if found is not None:
            yield found


def _dead(case: Case) -> Finding | None:
    looked = [layer for layer in case.evidence.layers if layer.dead is not None and layer.units]
    if not looked:
        return None
    worst = max(looked, key=lambda layer: (layer.dead or 0) / layer.units)
    part = (worst.dead or 0) / worst.units
    if part < _SOME_DEAD or not worst.dead:
        return None
    rows = case.evidence.train.n if case.evidence.train else 0
    each = ", ".join(f"{layer.name} {layer.dead}/{layer.units}" for layer in looked)
    return Finding(
        "dead_units",
        "fault" if part >= _DEAD else "hint",
        say("ReLU units are dead", "죽은 ReLU 유닛이 있습니다"),
        say(
            f"In {worst.name}, {worst.dead} of {worst.units} units gave 0 for every one of {rows:,} training rows "
            f"(all layers: {each}). Such a unit has no gradient and does not come back.",
            f"{worst.name} 층의 유닛 {worst.units}개 중 {worst.dead}개가 학습 행 {rows:,}개 모두에 0을 냈습니다 "
            f"(층별: {each}). 이런 유닛은 기울기가 없어 되살아나지 않습니다.",
        ),
        say(
            "Lower the learning rate, or use an activation that never dies: leaky_relu, gelu, silu.",
            "학습률을 낮추거나 죽지 않는 활성화 함수를 쓰세요: leaky_relu, gelu, silu.",
        ),
        case.with_setting("activation", "leaky_relu") or case.slower(0.1),
    )


def _frozen(case: Case) -> Finding | None:
    layers = case.evidence.layers
    held_back = [layer for layer in layers if not layer.trainable and not layer.whitened]  # the latter on purpose
    frozen = [layer for layer in held_back if not layer.kind.endswith("Normalization")]
    stuck = [layer for layer in layers if layer.unmoved and layer.trainable and not _all_dead(layer.dead, layer.units)]
    stuck = stuck if len(case.course) and case.evidence.finite else []
    if not frozen and not stuck:
        return None
    raw = [layer for layer in frozen if layer.unmoved]
    held = sum(layer.parameters for layer in frozen)
    whole = max(1, sum(layer.parameters for layer in layers))
    names = ", ".join(layer.name for layer in (frozen or stuck)[:5])
    if not frozen:
        return Finding(
            "untrained_layers",
            "hint",
            say("Layers have not moved", "움직이지 않은 층이 있습니다"),
            say(
                f"All biases of {names} are exactly 0, as before training: no gradient has reached it.",
                f"{names} 층의 편향이 학습 전처럼 모두 정확히 0입니다. 기울기가 닿지 않았습니다.",
            ),
            say(
                "See that the layer is on the way from input to output, and that no layer after it gives constants.",
                "이 층이 입력에서 출력으로 가는 길에 있는지, 뒤의 층이 상수만 내지 않는지 확인하세요.",
            ),
            case.on_run("summary"),
        )
    return Finding(
        "frozen_layers",
        "fault" if raw else "hint",
        say("Layers are frozen", "얼려 둔 층이 있습니다"),
        say(
            f"{names}: trainable is False, {percent(held / whole)} of all parameters"
            + ("; biases are all 0, so these are still the random first weights." if raw else "."),
            f"{names}: trainable이 False이고, 전체 파라미터의 {percent(held / whole)}입니다"
            + ("; 편향이 모두 0이니 아직 처음의 무작위 가중치입니다." if raw else "."),
        ),
        say(
            "Freeze only layers that were trained before. Thaw the others: layer.trainable = True, then model.compile(…).",
            "미리 학습된 층만 얼리세요. 나머지는 푸세요: layer.trainable = True, 그다음 model.compile(…).",
        ),
        case.on_run("summary"),
    )


def _all_dead(dead: int | None, units: int) -> bool:
    return dead is not None and dead == units


def _dropout(case: Case) -> Finding | None:
    rate, part, journal = case.evidence.settings.dropout, case.train, case.course.accuracy[-1:]
    if part is None or part.accuracy is None or rate < 0.4 or not len(journal):
        return None
    if not (part.accuracy - float(journal[0]) >= _DROPPED or (rate >= _MUCH and skill(part) < _LEARNT)):
        return None
    less = round(rate / 2, 2) if rate < 0.7 else 0.2
    return Finding(
        "high_dropout",
        "fault" if rate >= 0.6 else "hint",
        say("Dropout is too high", "드롭아웃이 너무 큽니다"),
        say(
            f"With dropout {rate:g} the network reached {percent(float(journal[0]))} of the training rows while training; the same "
            f"rows without dropout: {percent(part.accuracy)}.",
            f"드롭아웃 {rate:g}(으)로 학습하는 동안의 정확도는 {percent(float(journal[0]))}, 같은 행을 드롭아웃 없이 재면 "
            f"{percent(part.accuracy)}입니다.",
        ),
        say(
            f"Each step trains only a small part of the network. Try {less:g}, or more units.",
            f"매 스텝마다 신경망의 일부만 배웁니다. {less:g}(으)로 낮추거나 유닛을 늘려 보세요.",
        ),
        case.with_setting("dropout", less),
    )


def _constant(case: Case) -> Finding | None:
    part = case.validation or case.train
    if part is None or not part.predicted or (part.commonest or 0) > 0.9:
        return None
    said = max(range(len(part.predicted)), key=lambda i: part.predicted[i])
    often = part.predicted[said] / part.n
    if often < _CONSTANT:
        return None
    return Finding(
        "constant_prediction",
        "fault",
        say("The network always says the same", "항상 같은 답만 합니다"),
        say(
            f"{percent(often)} of {part.n:,} rows are called {case.name(said)}; truly {percent(part.counts[said] / part.n)} are.",
            f"{part.n:,}행의 {percent(often)}를 {case.name(said)}(으)로 답하지만 실제로는 {percent(part.counts[said] / part.n)}입니다.",
        ),
        say(
            "It has learnt nothing but how often classes are. Check scale and labels first, then change the learning rate. Many "
            "layers of sigmoid or tanh pass hardly any gradient on: use relu.",
            "클래스의 비율 말고는 아무것도 배우지 못했습니다. 먼저 스케일과 레이블을 확인하고, 그다음 학습률을 바꾸세요. "
            "sigmoid나 tanh 층을 여럿 쌓으면 기울기가 거의 전해지지 않으니 relu를 쓰세요.",
        ),
        case.with_setting("activation", "relu") if _saturates(case) else case.slower(0.1),
    )


def _saturates(case: Case) -> bool:
    settings = case.recipe.model.settings if case.recipe is not None else {}
    return settings.get("activation") in ("sigmoid", "tanh", "hard_sigmoid", "softsign")


def _never(case: Case) -> Finding | None:
    part = case.validation
    if part is None or _constant(case) is not None:
        return None
    never = [i for i, count in enumerate(part.counts) if count >= _SEEN_ENOUGH and not part.predicted[i]]
    never = [i for i in never if not case.evidence.counts or case.evidence.counts[i]]  # else the class is missing
    if not never:
        return None
    names = ", ".join(case.name(i) for i in never[:5])
    waiting = sum(part.counts[i] for i in never)
    return Finding(
        "class_never_said",
        "fault",
        say("A class is never predicted", "한 번도 예측하지 않은 클래스가 있습니다"),
        say(
            f"No row is called {names}, though {waiting:,} of {part.n:,} validation rows are.",
            f"{names}(으)로 답한 행이 없지만 검증 행 {part.n:,}개 중 {waiting:,}개가 그 클래스입니다.",
        ),
        say(
            "Is the class rare in training, or a part of the network dead? More epochs or a larger network may give it room.",
            "학습에 드문 클래스인지, 신경망의 일부가 죽었는지 보세요. 에포크나 유닛을 늘리면 자리가 생길 수 있습니다.",
        ),
        case.on_run("evaluate", "--part", "validation"),
    )


def _confidence(case: Case) -> Finding | None:
    part = case.validation
    if part is None or part.accuracy is None or part.confidence is None or part.n < 100 or skill(part) < 0.2:
        return None
    surplus = part.confidence - part.accuracy - _Z * math.sqrt(part.accuracy * (1 - part.accuracy) / part.n)
    if surplus < _BIT_OVERCONFIDENT:
        return None
    return Finding(
        "overconfident",
        "fault" if surplus >= _OVERCONFIDENT else "hint",
        say("The softmax is overconfident", "소프트맥스가 지나치게 확신합니다"),
        say(
            f"On validation rows it is {percent(part.confidence)} sure on average and {percent(part.accuracy)} right (expected "
            f"calibration error {percent(part.calibration_error or 0)}); {percent(part.saturated or 0)} of the answers are above "
            "0.9999.",
            f"검증 행에서 평균 확신은 {percent(part.confidence)}, 정확도는 {percent(part.accuracy)}입니다(기대 보정 오차 "
            f"{percent(part.calibration_error or 0)}). 답의 {percent(part.saturated or 0)}가 0.9999를 넘습니다.",
        ),
        say(
            "Do not read its probabilities as chances. Fewer epochs, dropout or more data make it humbler.",
            "이 확률을 그대로 믿지 마세요. 에포크를 줄이거나 드롭아웃을 쓰거나 데이터를 늘리면 나아집니다.",
        ),
        case.with_setting("dropout", min(0.5, round(case.evidence.settings.dropout + 0.2, 2)))
        or case.with_setting("epochs", max(1, len(case.course) // 2)),
    )


def _confusion(case: Case) -> Finding | None:
    part = case.validation
    if part is None or len(part.counts) < 3 or skill(part) < 0.2:
        return None
    pairs = [(errors, i, j) for i in range(len(part.counts)) for j in range(i) if (errors := _errors(part, i, j))]
    if not pairs:
        return None
    errors, first, second = max(pairs)
    wrong = part.n - sum(part.confusion[i][i] for i in range(len(part.counts)))
    rows = part.counts[first] + part.counts[second]
    usual = 2 / (len(part.counts) * (len(part.counts) - 1))  # one pair of all
    if rows < 40 or errors < _CONFUSED_ROWS * rows or errors < max(_CONFUSED_ERRORS, min(0.8, 2 * usual)) * wrong:
        return None
    return Finding(
        "confused_classes",
        "fault" if errors >= 0.3 * rows else "hint",
        say(
            f"{case.name(second)} and {case.name(first)} are confused",
            f"{case.name(second)}, {case.name(first)} 두 클래스를 혼동합니다",
        ),
        say(
            f"{errors:,} of the {wrong:,} mistakes on {part.n:,} validation rows ({percent(errors / wrong)}) are between these two: "
            f"{part.confusion[second][first]:,} one way, {part.confusion[first][second]:,} the other, of {rows:,} rows.",
            f"검증 행 {part.n:,}개에서 틀린 {wrong:,}개 중 {errors:,}개({percent(errors / wrong)})가 이 둘 사이입니다: 한쪽으로 "
            f"{part.confusion[second][first]:,}개, 반대로 {part.confusion[first][second]:,}개, 두 클래스 {rows:,}행 가운데.",
        ),
        say(
            "Look at some of them: are the labels of the two mixed up, or do they need finer features (more filters, larger images)?",
            "몇 개를 직접 보세요. 두 클래스의 레이블이 섞였는지, 더 세밀한 특징(더 많은 필터, 더 큰 이미지)이 필요한지.",
        ),
        case.on_run("plot"),
    )


def _errors(part: Part, i: int, j: int) -> int:
    return part.confusion[i][j] + part.confusion[j][i]
