"""The rows that the notes' pipeline trains on and validates on in each epoch, drawn by tf.data itself.

Settings: `rows` of the set, `order`, the .npz that the row numbers go to: `train` (epochs, 70 % of the rows) and `val`
(epochs, the rest).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf

from benchmarks.children.work import Work


def main() -> None:
    """The notes' lines, over row numbers instead of images."""
    work = Work.given()
    rows = work.settings["rows"]
    tf.random.set_seed(work.seed)
    ds = tf.data.Dataset.range(rows).shuffle(10000)
    train_size = int(rows * 0.7)
    train_ds, val_ds = ds.take(train_size).batch(1000), ds.skip(train_size).batch(1000)
    train, val = [], []
    for _ in range(work.epochs):
        train.append(np.concatenate(list(train_ds.as_numpy_iterator())))
        val.append(np.concatenate(list(val_ds.as_numpy_iterator())))
    np.savez(Path(work.settings["order"]), train=np.array(train), val=np.array(val))
    work.answer(["tensorflow-cpu", "numpy"])


if __name__ == "__main__":
    main()
