"""A convolutional network in a plain PyTorch loop, channels last, float32, the data in memory; no training metrics.

Settings: `layers`, `rows`, `threads`, and `optimizer`: "foreach" or "fused", two of PyTorch's ways to do the same update.
"""

from __future__ import annotations

from typing import Any

import torch  # type: ignore[import-not-found]  # the peers' environment has it
from torch import nn

from benchmarks.children.work import Clock, Work


def network(layers: list[dict[str, Any]]) -> nn.Sequential:
    """The network up to its logits, with the initial weights that Keras gives it; inputs are (n, 1, 28, 28)."""
    made: list[nn.Module] = []
    channels = 1
    for layer in layers:
        if layer["kind"] == "conv":
            padding = layer["size"] // 2 if layer["same"] else 0
            made += [nn.Conv2d(channels, layer["filters"], layer["size"], layer["stride"], padding), nn.ReLU()]
            channels = layer["filters"]
        elif layer["kind"] == "depthwise":
            made += [nn.Conv2d(channels, channels, layer["size"], groups=channels), nn.ReLU()]
        else:
            made.append({"max": nn.MaxPool2d, "average": nn.AvgPool2d}[layer["kind"]](2))
    made += [nn.Flatten(), nn.Dropout(0.5)]
    features = nn.Sequential(*made)(torch.zeros(1, 1, 28, 28)).shape[1]
    model = nn.Sequential(*made, nn.Linear(features, 10))
    for module in model:
        if hasattr(module, "weight"):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
    return model.to(memory_format=torch.channels_last)


def main() -> None:
    """Rows are shuffled once an epoch, so that a batch is a view and not a copy."""
    work = Work.given()
    torch.set_num_threads(work.settings["threads"])
    torch.manual_seed(work.seed)
    rows = work.settings["rows"]
    images, labels = (torch.from_numpy(array) for array in work.ready("train"))
    x = images[:rows, None].contiguous(memory_format=torch.channels_last)
    y = labels[:rows].long()
    model, loss = network(work.settings["layers"]), nn.CrossEntropyLoss()
    kind = work.settings["optimizer"]
    adam = torch.optim.Adam(model.parameters(), lr=0.001, eps=1e-7, foreach=kind == "foreach", fused=kind == "fused")
    clock = Clock()
    for _ in range(work.epochs):
        order = torch.randperm(len(x))
        shuffled = x[order].contiguous(memory_format=torch.channels_last)
        for batch, targets in zip(shuffled.split(128), y[order].split(128), strict=True):
            adam.zero_grad(set_to_none=True)
            loss(model(batch), targets).backward()
            adam.step()
        clock.epoch()
    times = clock.times()
    model.eval()
    with torch.no_grad():
        held, held_labels = (torch.from_numpy(array)[:3000] for array in work.ready("val"))
        accuracy = (model(held[:, None]).argmax(1) == held_labels).float().mean().item()
    work.answer(["torch", "numpy"], **times, val_accuracy=accuracy)


if __name__ == "__main__":
    main()
