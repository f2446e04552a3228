"""A plain PyTorch loop with the data in memory, as fast as a plain loop was found to be.

It validates after each epoch (one pass over all rows at once) and keeps no training metrics, which the others do.
Settings: `threads`, and `optimizer`: "foreach", "fused" or "loop", PyTorch's three ways to do the same update.
"""

from __future__ import annotations

import torch  # type: ignore[import-not-found]  # the peers' environment has it
from torch import nn

from benchmarks.children.work import Clock, Work


def network() -> nn.Sequential:
    """The notes' network, up to the logits, with the initial weights that Keras gives it."""
    layers = [nn.Linear(784, 20), nn.Linear(20, 20), nn.Linear(20, 10)]
    for layer in layers:
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)
    return nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])


def main() -> None:
    """Rows are shuffled once an epoch, so that a batch is a view and not a copy."""
    work = Work.given()
    torch.set_num_threads(work.settings["threads"])
    torch.manual_seed(work.seed)
    arrays = [torch.from_numpy(array) for part in ("train", "val") for array in work.ready(part)]
    x, y, x_val, y_val = arrays[0].flatten(1), arrays[1].long(), arrays[2].flatten(1), arrays[3].long()
    model, loss = network(), nn.CrossEntropyLoss()
    kind = work.settings["optimizer"]
    sgd = torch.optim.SGD(model.parameters(), lr=0.01, foreach=kind == "foreach", fused=kind == "fused")
    accuracy = 0.0
    clock = Clock()
    for _ in range(work.epochs):
        order = torch.randperm(len(x))
        for rows, labels in zip(x[order].split(20), y[order].split(20), strict=True):
            sgd.zero_grad(set_to_none=True)
            loss(model(rows), labels).backward()
            sgd.step()
        with torch.no_grad():
            logits = model(x_val)
            loss(logits, y_val).item()
            accuracy = (logits.argmax(1) == y_val).float().mean().item()
        clock.epoch()
    work.answer(["torch", "numpy"], **clock.times(), val_accuracy=accuracy)


if __name__ == "__main__":
    main()
