"""A sweep of the small convolutional network in plain PyTorch: one setting after another on one core, data in memory.

It validates after each epoch and keeps no training metrics, which sonmat does. Settings, beside those of `sweep_crew`:
`trials` of this worker, `rows`, `layout` ("channels_last" or "contiguous"), `optimizer` ("foreach" or "fused") and
`validation_batch`.
"""

from __future__ import annotations

from typing import Any

from benchmarks.children import sweep_space
from benchmarks.children.sweep_crew import Worker
from benchmarks.children.work import Work


def network(layout: Any) -> Any:
    """The network up to its logits, with the initial weights that Keras gives it; inputs are (n, 1, 28, 28)."""
    from torch import nn  # type: ignore[import-not-found]  # the peers' environment has it

    layers = [nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3), nn.ReLU(), nn.MaxPool2d(2)]
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(16 * 5 * 5, 10))
    for module in model:
        if hasattr(module, "weight"):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
    return model.to(memory_format=layout)


def main() -> None:
    """PyTorch is imported after the worker has its core."""
    work = Work.given()
    worker = Worker(work)
    import torch

    if worker.count > 1:
        torch.set_num_threads(1)
    layout = {"channels_last": torch.channels_last, "contiguous": torch.contiguous_format}[work.settings["layout"]]
    kind, rows = work.settings["optimizer"], work.settings.get("rows")
    (x, y), (x_val, y_val) = (
        (torch.from_numpy(images)[:, None].contiguous(memory_format=layout), torch.from_numpy(labels).long())
        for images, labels in (work.ready("train"), work.ready("val"))
    )
    x, y = x[:rows], y[:rows]
    loss, accuracies = torch.nn.CrossEntropyLoss(), []
    worker.begin()
    for setting in worker.share(sweep_space.networks(work.settings["trials"] * worker.count)):
        torch.manual_seed(setting["seed"])
        model, accuracy = network(layout), 0.0
        adam = torch.optim.Adam(
            model.parameters(), lr=setting["learning_rate"], eps=1e-7, foreach=kind == "foreach", fused=kind == "fused"
        )
        for _ in range(work.epochs):
            order = torch.randperm(len(x))
            shuffled = x[order].contiguous(memory_format=layout)  # once an epoch, so that a batch is a view
            for batch, targets in zip(shuffled.split(128), y[order].split(128), strict=True):
                adam.zero_grad(set_to_none=True)
                loss(model(batch), targets).backward()
                adam.step()
            accuracy = _validated(model, x_val, y_val, work.settings["validation_batch"])
        worker.trial()
        accuracies.append(accuracy)
    worker.answer(["torch", "numpy"], accuracies)


def _validated(model: Any, x: Any, y: Any, size: int) -> float:
    """Accuracy and loss of the validation rows; only the accuracy is handed on."""
    import torch

    right = lost = 0.0
    with torch.inference_mode():
        for batch, targets in zip(x.split(size), y.split(size), strict=True):
            logits = model(batch)
            lost += torch.nn.functional.cross_entropy(logits, targets, reduction="sum").item()
            right += (logits.argmax(1) == targets).sum().item()
    return right / len(y)


if __name__ == "__main__":
    main()
