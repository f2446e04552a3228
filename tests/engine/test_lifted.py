"""Traced functions that differ in numbers alone: told apart rightly, and run with other numbers as if traced with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sonmat.engine.lifted import Lifted, Traced, differing, read, stacked

X = jnp.asarray(np.random.default_rng(0).normal(size=(3, 4)), jnp.float32)
Y = jnp.asarray(np.random.default_rng(1).normal(size=(3, 4)), jnp.float32)


def traced(function: Callable[..., Any], *arguments: Any) -> Traced:
    return read(jax.make_jaxpr(function)(*(arguments or (X,))))


def alike(one: Callable[..., Any], other: Callable[..., Any], *arguments: Any) -> bool:
    return traced(one, *arguments).structure == traced(other, *arguments).structure


def check(functions: Sequence[Callable[..., Any]], *arguments: Any) -> int:
    """Every one of the functions is the first one run with its own numbers, alone and as a batch; how many are lifted."""
    arguments = arguments or (X,)
    traces = [traced(function, *arguments) for function in functions]
    places = differing(traces)
    leaves, count = jax.tree.leaves(arguments), len(functions)
    lifted = Lifted(traces[0], places, jax.tree.structure(jax.eval_shape(functions[0], *arguments)))

    @jax.jit
    def every(numbers: Any, arguments: Any) -> Any:
        expected = [function(*arguments) for function in functions]
        alone = [lifted([array[i] for array in numbers], leaves) for i in range(count)]
        batched = jax.vmap(lambda _, own: lifted(own, leaves))(jnp.arange(count), numbers)
        return expected, alone, [jax.tree.map(lambda row, i=i: row[i], batched) for i in range(count)]

    expected, alone, batched = every(stacked(traces, places), arguments)
    for ours in (alone, batched):
        assert jax.tree.structure(ours) == jax.tree.structure(expected)
        for theirs, one in zip(jax.tree.leaves(expected), jax.tree.leaves(ours), strict=True):
            assert one.dtype == theirs.dtype
            tolerance = 1e-2 if one.dtype.itemsize == 2 else 1e-5
            np.testing.assert_allclose(_wide(one), _wide(theirs), rtol=tolerance, atol=tolerance / 10)
    return len(places)


def _wide(array: Any) -> np.ndarray:
    return np.asarray(array).astype(np.float64)


# Alike: what differs in numbers alone


def scaled(by: Any) -> Callable[..., Any]:
    return lambda x: jnp.sin(x * by) + 1.0


def within_jit(by: float) -> Callable[..., Any]:
    return lambda x: jax.jit(lambda x: jax.jit(lambda x: x * by)(x) + 2.0)(x) - 0.5


def behind_an_equal_number(by: float) -> Callable[..., Any]:
    return lambda x: jax.jit(lambda x: x + 3.0)(x) * jax.jit(lambda x: x - by)(x)


def within_a_custom_derivative(by: float) -> Callable[..., Any]:
    @jax.custom_jvp
    def bent(x: Any) -> Any:
        return x * by

    bent.defjvp(lambda primals, tangents: (bent(*primals), tangents[0] * by))
    return lambda x: (bent(x), jax.grad(lambda x: bent(x).sum())(x))


def within_a_custom_gradient(by: float) -> Callable[..., Any]:
    @jax.custom_vjp
    def bent(x: Any) -> Any:
        return x * by

    bent.defvjp(lambda x: (bent(x), None), lambda _, pulled: (pulled * by,))
    return lambda x: (bent(x), jax.grad(lambda x: bent(x).sum())(x))


def within_a_checkpoint(by: float) -> Callable[..., Any]:
    return lambda x: jax.grad(lambda x: jax.checkpoint(lambda x: jnp.tanh(x * by))(x).sum())(x)


def returned(by: float) -> Callable[..., Any]:
    return lambda x: (x, jnp.asarray(by, jnp.float32))


def drawn(by: float) -> Callable[..., Any]:
    return lambda x: x * jax.random.bernoulli(jax.random.key(3), by, x.shape)


def handed_to_a_loop(by: float) -> Callable[..., Any]:
    return lambda x: jax.lax.fori_loop(0, 3, lambda i, carry: carry * 0.5 + carry[0], x * by)


MAKERS = [
    scaled, within_jit, behind_an_equal_number, within_a_custom_derivative, within_a_custom_gradient, within_a_checkpoint,
    returned, drawn, handed_to_a_loop,
]  # fmt: skip


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_functions_that_differ_in_a_number_are_one(make):
    assert alike(make(0.3), make(0.7))
    assert check([make(0.3), make(0.7), make(0.9)]) >= 1


def test_equal_functions_have_no_number_of_their_own():
    assert differing([traced(scaled(0.5)), traced(scaled(0.5))]) == []
    assert check([scaled(0.5), scaled(0.5)]) == 0


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "int32", "uint8", "bool"])
def test_numbers_of_any_kind(dtype):
    rows = jnp.asarray(X * 5, dtype)
    both = jnp.logical_or if dtype == "bool" else jnp.maximum
    makers = [
        lambda by: lambda x: both(x, jnp.asarray(by, dtype)),
        lambda by: lambda x: both(x, np.full((3, 4), by, rows.dtype)),
        lambda by: lambda x: jnp.where(x > jnp.asarray(0, dtype), jnp.asarray(by, dtype), x),
    ]
    for make in makers:
        assert check([make(1), make(0), make(1)], rows) >= 1
    if dtype.startswith(("float", "bfloat")):
        assert check([lambda x: x * 0.25, lambda x: x * 0.5], rows) == 1


def test_arrays_are_numbers_too():
    kept = [np.arange(4, dtype=np.float32), np.ones(4, np.float32), np.full(4, np.nan, np.float32)]
    assert check([lambda x, a=a: x + a for a in kept[:2]]) == 1
    assert not alike(scaled(kept[0]), scaled(np.float32(2)))
    assert not alike(scaled(kept[0]), scaled(np.ones((1, 4), np.float32)))
    assert not alike(lambda x: x * kept[0].sum(), lambda x: x * jnp.sum(kept[0]))
    assert not alike(lambda x: x * jnp.sum(kept[0]), lambda x: x * jnp.sum(kept[0][:3]))  # no operation says its length
    assert differing([traced(scaled(kept[2])), traced(scaled(kept[2].copy()))]) == []  # NaN is NaN


def test_zero_and_its_negative_are_two_numbers():
    assert len(differing([traced(scaled(0.0)), traced(scaled(-0.0))])) == 1


# Not alike: what does something else


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda x, y: x * y, lambda x, y: x + y),
        (lambda x, y: x - y, lambda x, y: y - x),
        (lambda x, y: x - 2.0, lambda x, y: 2.0 - x),
        (lambda x, y: x * y + x, lambda x, y: x * y + y),
        (lambda x, y: (x, y), lambda x, y: (y, x)),
        (lambda x, y: x * 2.0, lambda x, y: y * 2.0),
        (lambda x, y: x * 2.0, lambda x, y: x * 2.0 * 2.0),
        (lambda x, y: x.sum(0), lambda x, y: x.sum(1, keepdims=True)),
        (lambda x, y: x**2, lambda x, y: x**3),
        (lambda x, y: x[:2], lambda x, y: x[1:]),
        (lambda x, y: x + x * 2.0, lambda x, y: x + x),
        (lambda x, y: x * 2.0, lambda x, y: x * np.array([[2.0]], np.float32)),
        (lambda x, y: x.astype("float16"), lambda x, y: x.astype("bfloat16")),
    ],
)
def test_functions_that_do_something_else_are_two(one, other):
    assert alike(one, one, X, Y)
    assert not alike(one, other, X, Y)


def test_shapes_and_types_are_part_of_what_a_function_does():
    double = lambda x: x * 2  # noqa: E731
    assert traced(double, X).structure != traced(double, X[:2]).structure
    assert traced(double, X).structure != traced(double, X.astype("float16")).structure
    assert alike(double, lambda x: x * 3)


def test_one_array_twice_is_not_two_arrays():
    a, b = np.arange(4, dtype=np.float32), np.ones(4, np.float32)
    assert not alike(lambda x: x * a + a, lambda x: x * a + b)


@pytest.mark.parametrize(
    "make",
    [
        lambda by: lambda x: jax.lax.fori_loop(0, 3, lambda i, carry: carry * by, x),
        lambda by: lambda x: jax.lax.while_loop(lambda carry: carry.sum() < by, lambda carry: carry + 1.0, x),
        lambda by: lambda x: jax.lax.scan(lambda carry, row: (carry + row * by, carry), x[0], x),
        lambda by: lambda x: jax.lax.cond(x.sum() > 0, lambda x: x * by, lambda x: x, x),
        lambda by: lambda x: jax.lax.map(jax.jit(lambda row: row + by), x),
    ],
    ids=["for", "while", "scan", "cond", "map"],
)
def test_numbers_inside_a_loop_are_part_of_what_it_does(make):
    assert alike(make(0.3), make(0.3))
    assert not alike(make(0.3), make(0.7))
    assert check([make(0.3), make(0.3)]) == 0


def test_a_number_before_and_one_after_a_loop_that_has_numbers_itself():
    def make(a: float, b: float) -> Callable[..., Any]:
        def whole(x: Any) -> Any:
            return jax.lax.fori_loop(0, 3, lambda i, carry: jax.jit(lambda c: c * 0.5 + 1.0)(carry), x * a) - b

        return whole

    assert check([make(0.3, 2.0), make(0.7, 5.0), make(0.7, 2.0)]) == 2


def test_functions_outside_of_jax_are_told_by_which_they_are():
    def make(by: float) -> Callable[..., Any]:
        return lambda x: jax.pure_callback(lambda a: np.asarray(a * by, np.float32), x, x)

    once = make(2.0)
    assert not alike(make(2.0), make(3.0))
    np.testing.assert_array_equal(Lifted(traced(once), [], jax.tree.structure(0))([], [X]), X * 2)


def test_keys_of_jax_are_part_of_what_a_function_does():
    def make(seed: int) -> Callable[..., Any]:
        key = jax.random.key(seed)
        return lambda x: x * 0.5 + jax.random.normal(key, x.shape)

    assert not alike(make(1), make(2))
    assert check([make(1), make(1)]) == 0


def test_several_structures_are_refused():
    with pytest.raises(ValueError, match="structures"):
        differing([traced(scaled(1.0)), traced(lambda x: x)])


# Keras's own


def updated(make: Callable[[], Any]) -> Callable[..., Any]:
    """An optimizer's step for one variable."""
    variable, optimizer = keras.Variable(np.zeros((3, 4), "float32")), make()
    optimizer.build([variable])
    kept = [v.value for v in optimizer.variables]
    return lambda gradient: optimizer.stateless_apply(kept, [gradient], [variable.value])


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (lambda: keras.optimizers.SGD(0.1, momentum=0.5), lambda: keras.optimizers.SGD(0.1, momentum=0.9), True),
        (lambda: keras.optimizers.SGD(0.1, momentum=0.0), lambda: keras.optimizers.SGD(0.1, momentum=0.9), False),
        (
            lambda: keras.optimizers.SGD(0.1, momentum=0.9),
            lambda: keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True),
            False,
        ),
        (lambda: keras.optimizers.Adam(beta_1=0.8), lambda: keras.optimizers.Adam(beta_2=0.9, epsilon=1e-3), True),
        (lambda: keras.optimizers.Adam(clipnorm=0.1), lambda: keras.optimizers.Adam(clipnorm=2.0), True),
        (lambda: keras.optimizers.Adam(clipnorm=0.1), lambda: keras.optimizers.Adam(clipvalue=0.1), False),
        (lambda: keras.optimizers.AdamW(weight_decay=0.1), lambda: keras.optimizers.AdamW(weight_decay=0.2), True),
        (lambda: keras.optimizers.RMSprop(rho=0.8), lambda: keras.optimizers.RMSprop(rho=0.9, centered=True), False),
    ],
)
def test_optimizers(one, other, same):
    functions = [updated(one), updated(other)]
    assert alike(*functions) == same
    if same:
        assert check(functions) >= 1


def test_dropout():
    def make(rate: float) -> Callable[..., Any]:
        layer = keras.layers.Dropout(rate, seed=3)
        layer.build(X.shape)
        state = [v.value for v in layer.non_trainable_variables]
        return lambda x: layer.stateless_call([], state, x, training=True)

    assert check([make(0.2), make(0.5)]) >= 1
    assert not alike(make(0.0), make(0.5))


# Any function

STEPS: dict[str, Callable[[Any, float], Any]] = {
    "times": lambda x, c: x * c,
    "plus": lambda x, c: c + x,
    "from": lambda x, c: c - x,
    "at most": lambda x, c: jnp.minimum(x, c),
    "clipped": lambda x, c: jnp.clip(x, -c, 2 * c),
    "where": lambda x, c: jnp.where(x > c, x, c * x),
    "array": lambda x, c: x + np.linspace(0, c, 4, dtype=np.float32),
    "leaky": lambda x, c: jax.nn.leaky_relu(x, c),
    "elu": lambda x, c: jax.nn.elu(x, c),
    "power": lambda x, c: jnp.abs(x) ** (c + 0.01),
    "looped": lambda x, c: jax.lax.fori_loop(0, 2, lambda i, y: y * 0.5 + x, x + c),
    "gradient": lambda x, c: jax.grad(lambda x: (jax.nn.softplus(x * c)).sum())(x),
}
AROUND: dict[str, Callable[[Callable[..., Any]], Callable[..., Any]]] = {
    "nothing": lambda step: step,
    "jit": jax.jit,
    "checkpoint": jax.checkpoint,
    "jit in jit": lambda step: jax.jit(lambda x: jax.jit(step)(x) + 1.0),
}


def chain(names: Sequence[tuple[str, str]], numbers: Sequence[float]) -> Callable[..., Any]:
    def run(x: Any) -> Any:
        for (name, around), number in zip(names, numbers, strict=True):
            step = STEPS[name]
            x = AROUND[around](lambda x, step=step, number=number: step(x, number))(x)
        return x

    return run


_names = st.lists(st.tuples(st.sampled_from(sorted(STEPS)), st.sampled_from(sorted(AROUND))), min_size=1, max_size=4)


@st.composite
def chains(draw: st.DrawFn) -> tuple[list[tuple[str, str]], list[list[float]]]:
    names = draw(_names)
    number = st.sampled_from([0.125, 0.3, 0.5, 0.7, 1.0, 1.9])
    return names, draw(st.lists(st.lists(number, min_size=len(names), max_size=len(names)), min_size=2, max_size=3))


@settings(max_examples=6, deadline=None)
@given(chains())
def test_any_function_with_other_numbers_is_the_one_traced_with_them(drawn):
    names, numbers = drawn
    functions = [chain(names, own) for own in numbers]
    assert alike(*functions[:2])
    own = sum(len({own[i] for own in numbers}) > 1 for i in range(len(names)))
    assert check(functions) >= own


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(chains())
def test_many_functions_with_other_numbers_are_those_traced_with_them(drawn):
    check([chain(drawn[0], own) for own in drawn[1]])


@settings(max_examples=25, deadline=None)
@given(_names, _names)
def test_other_steps_are_another_structure(one, other):
    same = [name for name, _ in one] == [name for name, _ in other]
    numbers = [0.5] * max(len(one), len(other))
    assert alike(chain(one, numbers[: len(one)]), chain(one, [2.0] * len(one)))
    if not same:
        assert not alike(chain(one, numbers[: len(one)]), chain(other, numbers[: len(other)]))
