"""The scenarios that the claim is about: no threshold was chosen by looking at them.

Their rows are of the later half of the published sets, those of `tuning` of the first; seeds and networks are others too.
Whoever changes a threshold because of what is seen here replaces the scenario by a fresh one.
"""

from __future__ import annotations

from dataclasses import replace

from benchmarks.diagnosis.rows import blank, leak, mix, near_leak, relabel, shuffle_labels, sort, times, without
from benchmarks.diagnosis.scenario import Network, Scenario

_FASHION = "fashion-mnist"

_FAULTS = (
    Scenario("a tenth leaks", "leak", data=_FASHION, spoilt=(leak(0.1),),
        network=Network((40,), activation="tanh"), train=5000, seed=501),
    Scenario("copies with a little noise", "near_leak", data=_FASHION, spoilt=(near_leak(0.25, 0.03),),
        network=Network((48,)), seed=502),
    Scenario("sorted garments", "sorted_labels", data=_FASHION, spoilt=(sort,), shuffle=False,
        network=Network((24, 24)), rate=0.05, seed=503),
    Scenario("SGD at 2", "high_learning_rate", data=_FASHION, rate=2.0, network=Network((48, 24)), train=5000,
        seed=504),
    Scenario("Adam at 0.2", "high_learning_rate", optimizer="Adam", rate=0.2, network=Network((48, 24)),
        epochs=10, seed=505),
    Scenario("SGD at 1e-4", "low_learning_rate", data=_FASHION, rate=1e-4, network=Network((48,)), epochs=10,
        seed=506),
    Scenario("AdamW at 1e-5", "low_learning_rate", optimizer="AdamW", rate=1e-5, network=Network((24, 24)),
        batch=64, seed=507),
    Scenario("beyond all numbers", "divergence", data=_FASHION, rate=1e30,
        network=Network((24,), activation="linear"), seed=508),
    Scenario("biases of -6", "dead_units", data=_FASHION, optimizer="Adam", rate=0.001,
        network=Network((24, 24, 24), bias=-6.0), seed=509),
    Scenario("a quarter mislabelled", "label_noise", spoilt=(relabel(0.25),), optimizer="Adam", rate=0.001,
        network=Network((64,)), train=6000, seed=510),
    Scenario("garments with any label", "no_signal", data=_FASHION, spoilt=(shuffle_labels,), optimizer="Adam",
        rate=0.002, network=Network((128,)), train=2000, epochs=20, seed=511),
    Scenario("two units for garments", "small_network", data=_FASHION, network=Network((2, 16)), rate=0.05,
        epochs=15, seed=512),
    Scenario("400 rows by heart", "overfitting", train=400, network=Network((300, 100)), optimizer="RMSprop",
        rate=0.001, epochs=30, seed=513),
    Scenario("garments from 0 to 255", "unscaled_inputs", data=_FASHION, spoilt=(times(255),), optimizer="Adam",
        rate=0.002, network=Network((48,)), seed=514),
    Scenario("garments scaled twice", "twice_scaled_inputs", data=_FASHION, spoilt=(times(1 / 255),),
        optimizer="Adam", rate=0.001, network=Network((64,)), seed=515),
    Scenario("one epoch of Adam", "few_epochs", data=_FASHION, optimizer="Adam", rate=0.001, epochs=1,
        batch=128, network=Network((24,)), train=3000, seed=516),
    Scenario("70 epochs", "best_epoch_earlier", train=1500, optimizer="Adam", rate=0.002, epochs=70,
        network=Network((64, 64)), seed=517),
    Scenario("sure of all garments", "overconfident", data=_FASHION, train=2000, optimizer="Adam", rate=0.002,
        epochs=40, network=Network((256,)), seed=518),
    Scenario("no sandals", "missing_class", data=_FASHION, spoilt=(without(5),), network=Network((40,)), seed=519),
    Scenario("few eights", "imbalance", spoilt=(without(8, 0.04),), optimizer="Adam", rate=0.001,
        network=Network((48,)), seed=520),
    Scenario("more than half blank", "blank_inputs", data=_FASHION, spoilt=(blank(0.6),),
        network=Network((24,)), seed=521),
    Scenario("1 and 7 mixed", "confused_classes", train=1500, spoilt=(mix(1, 7),),
        network=Network(filters=(6,), hidden=()), epochs=6, seed=522),
    Scenario("dropout of 0.85", "high_dropout", data=_FASHION, network=Network((48,), dropout=0.85),
        optimizer="Adam", rate=0.001, seed=523),
    Scenario("two layers frozen", "frozen_layers", network=Network((24, 24, 24), frozen=(0, 1)), rate=0.05, seed=524),
)  # fmt: skip

_HEALTHY = (
    Scenario("40 units", network=Network((40,)), train=5000, seed=601),
    Scenario("40 and 20 units", network=Network((40, 20)), train=7000, rate=0.05, epochs=7, seed=602),
    Scenario("the notes' network, more epochs", network=Network((20, 20)), train=10_000, batch=20, rate=0.02,
        epochs=12, seed=603),
    Scenario("Adam, 48 units", optimizer="Adam", rate=0.001, network=Network((48,)), train=7000, epochs=6, seed=604),
    Scenario("Adam, garments", data=_FASHION, optimizer="Adam", rate=0.001, network=Network((40,)), train=9000,
        epochs=6, seed=605),
    Scenario("RMSprop, garments", data=_FASHION, optimizer="RMSprop", rate=0.001, network=Network((32,)),
        train=8000, epochs=6, seed=606),
    Scenario("SGD, garments", data=_FASHION, network=Network((48,)), train=10_000, rate=0.05, epochs=8, seed=607),
    Scenario("Nadam", optimizer="Nadam", rate=0.001, network=Network((40,)), train=6000, epochs=6, seed=608),
    Scenario("tanh, two layers", network=Network((40, 20), activation="tanh"), train=6000, rate=0.05, seed=609),
    Scenario("silu, Adam", network=Network((48,), activation="silu"), optimizer="Adam", rate=0.001, train=6000,
        epochs=6, seed=610),
    Scenario("elu, garments", data=_FASHION, network=Network((40,), activation="elu"), train=8000, rate=0.05,
        epochs=6, seed=611),
    Scenario("normalized, garments", data=_FASHION, network=Network((40,), normalized=True), train=8000,
        epochs=4, rate=0.05, seed=612),
    Scenario("no hidden layer", network=Network(()), train=6000, rate=0.1, seed=613),
    Scenario("no hidden layer, garments", data=_FASHION, network=Network(()), optimizer="Adam", rate=0.001,
        train=8000, seed=614),
    Scenario("batches of 256", network=Network((40,)), train=10_000, batch=256, rate=0.3, epochs=15, seed=615),
    Scenario("batches of 10", network=Network((24,)), train=5000, batch=10, rate=0.02, epochs=6, seed=616),
    Scenario("one convolution", network=Network(filters=(6,), hidden=()), train=2500, rate=0.1, epochs=6, seed=617),
    Scenario("dropout of a quarter", network=Network((96,), dropout=0.25), optimizer="Adam", rate=0.001,
        train=8000, epochs=7, seed=618),
    Scenario("scaled by a layer, garments", data=_FASHION, spoilt=(times(255),),
        network=Network((32,), rescaling=1 / 255), train=8000, rate=0.05, seed=619),
    Scenario("from 0 to 2", spoilt=(times(2),), network=Network((32,)), train=6000, rate=0.05, seed=620),
)  # fmt: skip

FAULTS = tuple(replace(one, later=True) for one in _FAULTS)
HEALTHY = tuple(replace(one, later=True) for one in _HEALTHY)
