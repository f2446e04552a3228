"""A population's members before they train: their first weights, and their steps as traced functions."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from sonmat.engine import checks
from sonmat.engine.batching import indifferent_to_batches, roomy
from sonmat.engine.companion import Companion
from sonmat.engine.examples import Examples
from sonmat.engine.halves import Halves, halves
from sonmat.engine.lifted import Traced, read
from sonmat.engine.member_settings import MemberSettings, naming
from sonmat.engine.network_key import network_key
from sonmat.engine.parts import part_rows
from sonmat.engine.program import State, testing_program, testing_state, training_program, training_state, values
from sonmat.engine.randomness import unseeded_generators
from sonmat.engine.rewriting import may_convolve
from sonmat.engine.smoothing import check_smoothing
from sonmat.errors import RecipeError, TrainingError
from sonmat.language import say
from sonmat.models.impossible import explaining
from sonmat.models.seeding import private_randomness

HostState = tuple[list[np.ndarray], ...]

_FEW_ROWS, _FEW_ROWS_CONVOLVED = 500, 100
"""Rows of a validation batch that all members look at together, about; feature maps of 500 leave the cache (10 % slower)."""


@dataclass
class Steps:
    """A member's steps, traced.

    Attributes:
        pieces: By name: `train0`, `train1`, … the training step of each phase; `tail0`, … its smaller last one; `update0`, …
            where these give gradients alone, what the optimizer does with them; `part0`, … those of a part of the batch, where
            members that follow each other are better trained in parts; `test` and `test_tail`, that of validation.
        trees: What pieces return, as trees; by the beginning of their names.
        rows: Rows in a step of each phase.
        test_rows: Rows in a batch of validation.
        trainable, batch: How many trainable variables there are, and arrays in a batch.
        parts: In how many equal parts a batch of a phase is taken, where it is in parts.
        begun: What every epoch begins with, as text: it is taken from one member for all.
    """

    pieces: dict[str, Traced]
    trees: dict[str, Any]
    rows: list[int]
    test_rows: int
    trainable: int
    batch: int
    parts: dict[int, int] = field(default_factory=dict)
    begun: str = ""

    @property
    def structure(self) -> str:
        """A digest: members with the same one can be one program."""
        text = "|".join(f"{name}={self.pieces[name].structure}" for name in sorted(self.pieces))
        return hashlib.sha256(f"{text}{self.rows}{self.test_rows}{self.begun}".encode()).hexdigest()


@dataclass
class Blueprint:
    """What one call of the builder made.

    Attributes:
        model: The model, compiled and built; of networks that are alike, one for all calls.
        optimizer: The call's own, built for the variables of `model`.
        network: Tells networks apart whose first halves of a step are alike; None where nothing is known.
        fresh: What its metrics hold before an epoch.
        words: Where the states of its unseeded random generators stand among the non-trainable variables.
    """

    model: keras.Model
    optimizer: Any
    network: str | None
    fresh: list[np.ndarray]
    words: list[int]
    steps: dict[str, Steps] = field(default_factory=dict)

    @property
    def convolves(self) -> bool:
        """Whether a layer convolves or pools, as far as its class tells."""
        return may_convolve(self.model)


class Blueprints:
    """The models of a population's members, each builder's call made once, and their first states.

    Args:
        build: The builder. It may have a method `reseed(model, seed)` that draws the first weights of a built model again,
            as a call with this seed would; then it is called once for all seeds.
        examples: The training rows.
        held: The validation rows, or None.
    """

    def __init__(self, build: Callable[..., Any], examples: Examples, held: Examples | None) -> None:
        self._build, self.examples, self.held = build, examples, held
        self._reseed: Callable[[Any, int], Any] | None = getattr(build, "reseed", None)
        self._made: dict[str, Blueprint] = {}
        self._networks: dict[str, Blueprint] = {}
        self._halves: dict[str, Steps] = {}
        self._both: dict[str, Halves] = {}
        self._firsts: dict[tuple[str, int], HostState] = {}
        self._possible: set[int] = set()
        self._warned = False

    def of(self, member: MemberSettings) -> Blueprint:
        """The blueprint of a member's call, made on first use.

        Raises:
            SonmatError: What is impossible about it, naming the member.
        """
        if member.call not in self._made:
            with naming(member.number, member.given):
                self._made[member.call] = self._blueprint(member)
        return self._made[member.call]

    def steps(self, member: MemberSettings) -> Steps:
        """A member's traced steps."""
        blueprint = self.of(member)
        key = f"{member.phases} {member.companion.key}"
        if key not in blueprint.steps:
            with naming(member.number, member.given):
                begun = f"{blueprint.words}{[leaf.tobytes() for leaf in blueprint.fresh]}"
                blueprint.steps[key] = replace(self._traced(blueprint, member, key), begun=begun)
        if member.number not in self._possible:
            self.first(member)  # refuses a rate that cannot be set, and another network for another seed
            self._possible.add(member.number)
        return blueprint.steps[key]

    def first(self, member: MemberSettings) -> HostState:
        """A member's state before the first step, on the host."""
        key = (member.call, member.seed)
        if key not in self._firsts:
            blueprint = self.of(member)  # which knows the first state of the seed that it was made with
            if key not in self._firsts:
                with naming(member.number, member.given):
                    self._firsts[key] = self._again(blueprint, member)
        state = self._firsts[key]
        if member.learning_rate is not None:
            state = self._at_rate(state, member)
        if member.companion.has_state:
            extras = self._extras(member.companion, self.of(member).model, state)
            state = (*state, extras)
        return state

    def model(self, member: MemberSettings) -> keras.Model:
        """A model of a member's own, built anew."""
        model = self._call(member)
        if self._reseed is not None:
            self._reseed(model, member.seed)
        checks.build(model, self.examples)
        return model

    def _blueprint(self, member: MemberSettings) -> Blueprint:
        model = self._call(member)
        if self._reseed is not None:
            self._reseed(model, member.seed)
        checks.check_model(model, training=True)
        check_smoothing(model, member.companion.smoothing)
        adapted = any(
            hasattr(layer, "adapt") for layer in model._flatten_layers()
        )  # its numbers are in no configuration
        network = network_key(model) if model.built and not adapted else None
        alike = self._networks.get(network) if network is not None else None
        if alike is not None:
            model.optimizer.build(alike.model.trainable_variables)
            made = Blueprint(alike.model, model.optimizer, network, alike.fresh, alike.words)
        else:
            made = self._checked(model, network)
            if network is not None:
                self._networks[network] = made
        if member.companion.augment:
            companion = member.companion
            companion.varied(companion.begin(made.model), self.examples.rows(0, 1).x)  # refuses what is no picture
        weights = (values(model.trainable_variables), values(model.non_trainable_variables))
        state = (*weights, values(made.optimizer.variables), values(made.model.metrics_variables))
        self._firsts[member.call, member.seed] = _on_host(state)
        return made

    def _checked(self, model: keras.Model, network: str | None) -> Blueprint:
        """The blueprint of a network that is like none before it."""
        for part in [self.examples] if self.held is None else [self.examples, self.held]:
            checks.check_inputs(model, part)
            checks.check_targets(model, part)
        if not self._warned:
            checks.warn_of_raw_pixels(model, self.examples)
            self._warned = True
        checks.build(model, self.examples)
        with keras.StatelessScope() as scope:
            model.reset_metrics()
        kept = values(model.metrics_variables)
        fresh = [scope.get_current_value(v) for v in model.metrics_variables]
        metrics = [np.asarray(old if new is None else new, old.dtype) for new, old in zip(fresh, kept, strict=True)]
        places = {id(variable): place for place, variable in enumerate(model.non_trainable_variables)}
        words = [places[id(generator.state)] for generator in unseeded_generators(model)]
        return Blueprint(model, model.optimizer, network, metrics, words)

    def _call(self, member: MemberSettings) -> keras.Model:
        seed = {"seed": member.seed} if member.seeded else {}
        with explaining(_name_of(self._build)), private_randomness(member.seed):
            model = self._build(**member.arguments, **seed)
            if isinstance(model, keras.Model) and model.compiled and model.optimizer is not None and not model.built:
                checks.build(model, self.examples)  # here, where the seed decides what its layers draw
        if not isinstance(model, keras.Model):
            raise RecipeError(
                say(
                    f"The builder should return a keras.Model, but returned {type(model).__name__}.",
                    f"빌더는 keras.Model을 돌려줘야 하는데 {type(model).__name__}을(를) 돌려줬습니다.",
                ),
                say("End the function with `return model`.", "함수를 `return model`로 끝내세요."),
            )
        return model

    def _again(self, blueprint: Blueprint, member: MemberSettings) -> HostState:
        """The first state of another seed; what no seed decides is as the blueprint has it."""
        known = next(state for (call, _), state in self._firsts.items() if call == member.call)
        if self._reseed is not None:
            model = blueprint.model
            self._reseed(model, member.seed)
        else:
            model = self._call(member)
        state = _on_host((values(model.trainable_variables), values(model.non_trainable_variables), [], []))
        shapes = [[leaf.shape for leaf in group] for group in (*state[:2], *known[:2])]
        if shapes[:2] != shapes[2:]:
            raise RecipeError(
                say(
                    "The builder made another network for another seed.",
                    "빌더가 다른 시드에서 다른 신경망을 만들었습니다.",
                ),
                say(
                    "Let settings alone decide the layers, and the seed the first weights.",
                    "층은 설정만으로, 첫 가중치는 시드로 정해지게 하세요.",
                ),
            )
        return (state[0], state[1], known[2], known[3])

    def _at_rate(self, state: HostState, member: MemberSettings) -> HostState:
        optimizer = self.of(member).optimizer
        rate = getattr(getattr(optimizer, "inner_optimizer", optimizer), "_learning_rate", None)
        place = next((i for i, v in enumerate(optimizer.variables) if v is rate), None)
        if place is None:
            with naming(member.number, member.given):
                raise TrainingError(
                    say(
                        "learning_rate was given, but the optimizer follows a schedule or has no rate that can be set.",
                        "learning_rate가 주어졌지만 최적화기가 스케줄을 따르거나 바꿀 수 있는 학습률이 없습니다.",
                    ),
                    say("Compile the model with a number as its rate.", "모델을 숫자 학습률로 컴파일하세요."),
                )
        changed = list(state[2])
        changed[place] = np.asarray(member.learning_rate, changed[place].dtype)
        return (state[0], state[1], changed, *state[3:])

    def _extras(self, companion: Companion, model: keras.Model, state: HostState) -> list[np.ndarray]:
        began = [np.asarray(leaf) for leaf in companion.begin(model)[:3]]
        return [*began, *([*state[0], *state[1]] if companion.average is not None else [])]

    def _traced(self, blueprint: Blueprint, member: MemberSettings, key: str) -> Steps:
        if blueprint.network is None:
            return self._whole(blueprint.model, member)
        known = f"{key} {blueprint.network}"
        if known not in self._halves:
            both = halves(blueprint.model, self.examples.scale, member.companion)
            self._both[known] = both
            self._halves[known] = self._with_validation(
                blueprint.model, member, lambda rows: both.gradients, halved=True
            )
        shared = self._halves[known]
        pieces, trees = dict(shared.pieces), dict(shared.trees)
        state = _shapes(self._state(blueprint, member))
        both = self._both[known]
        for phase in range(len(shared.rows)):
            traced, trees["update"] = _trace(partial(both.update, blueprint.optimizer), state, state[0])
            pieces[f"update{phase}"] = traced
        return replace(shared, pieces=pieces, trees=trees)

    def _whole(self, model: keras.Model, member: MemberSettings) -> Steps:
        """The steps of a member whose training step is its own."""
        return self._with_validation(
            model,
            member,
            lambda rows: training_program(model, rows, self.examples.scale, member.companion).step,
        )

    def _with_validation(
        self,
        model: keras.Model,
        member: MemberSettings,
        step_over: Callable[[int], Callable[..., Any]],
        *,
        halved: bool = False,
    ) -> Steps:
        examples, held = self.examples, self.held
        sizes = [min(rows, len(examples)) for _, rows in member.phases]
        state = training_state(model)
        if member.companion.has_state:
            state = (*state, member.companion.begin(model))
        pieces: dict[str, Traced] = {}
        trees: dict[str, Any] = {}
        parts: dict[int, int] = {}
        seen = _shapes((*state[:2], [], *state[3:]) if halved else state)
        for phase, size in enumerate(sizes):
            step = step_over(size)
            pieces[f"train{phase}"], trees["train"] = _trace(step, seen, _rows(examples, size))
            if halved and not member.companion.augment and (some := part_rows(model, size)) < size:
                pieces[f"part{phase}"] = _trace(step, seen, _rows(examples, some))[0]
                parts[phase] = size // some
            if tail := len(examples) % size:
                pieces[f"tail{phase}"] = _trace(step, seen, _rows(examples, tail))[0]
        test_rows = 0
        if held is not None:
            test_rows = _validation_rows(model, held, member.phases[0][1])
            testing = testing_program(model, test_rows, held.scale, None)
            tested = _shapes(testing_state(model))
            pieces["test"], trees["test"] = _trace(testing.step, tested, _rows(held, test_rows))
            if tail := len(held) % test_rows:
                pieces["test_tail"] = _trace(testing.step, tested, _rows(held, tail))[0]
        batch = len(jax.tree.leaves(examples.arrays))
        return Steps(pieces, trees, sizes, test_rows, len(model.trainable_variables), batch, parts)

    def _state(self, blueprint: Blueprint, member: MemberSettings) -> State:
        model = blueprint.model
        state: State = (
            values(model.trainable_variables),
            values(model.non_trainable_variables),
            values(blueprint.optimizer.variables),
            values(model.metrics_variables),
        )
        return (*state, member.companion.begin(model)) if member.companion.has_state else state


def _validation_rows(model: keras.Model, held: Examples, rows: int) -> int:
    """Rows in a batch of validation: the training's where the result may depend on them, else a divisor of all rows."""
    if not indifferent_to_batches(model):
        return min(rows, len(held))
    most = min(roomy(model, len(held)), _FEW_ROWS_CONVOLVED if may_convolve(model) else _FEW_ROWS)
    divisor = next((size for size in range(most, most // 3, -1) if len(held) % size == 0), None)
    return divisor or most


def _name_of(build: Callable[..., Any]) -> str:
    """A builder's name for errors, with its file where it is a function."""
    function = getattr(build, "func", build)
    code = getattr(function, "__code__", None)
    return f"{Path(code.co_filename).name}:{function.__name__}" if code else type(function).__name__


def _trace(step: Callable[..., Any], *arguments: Any) -> tuple[Traced, Any]:
    closed, made = jax.make_jaxpr(step, return_shape=True)(*arguments)
    return read(closed), jax.tree.structure(made)


def _shapes(tree: Any) -> Any:
    return jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), tree)


def _rows(examples: Examples, rows: int) -> Any:
    """The shapes of a batch of so many rows."""
    return jax.tree.map(
        lambda a: jax.ShapeDtypeStruct((rows, *a.shape[1:]), jax.dtypes.canonicalize_dtype(a.dtype)), examples.arrays
    )


def _on_host(state: State) -> HostState:
    return tuple([np.asarray(leaf) for leaf in group] for group in jax.device_get(state))


def as_device(state: HostState) -> State:
    """A state whose arrays JAX holds."""
    return tuple([jnp.asarray(leaf) for leaf in group] for group in state)
