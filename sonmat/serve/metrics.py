"""What a server counts, in Prometheus's format."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128)


class Metrics:
    """The counters of one server, apart from those of others in the same process."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._requests = Counter("sonmat_requests_total", "Requests answered.", ("path", "status"), registry=registry)
        self._seconds = Histogram(
            "sonmat_request_seconds",
            "Seconds from a request's head to its answer.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._predictions = Counter(
            "sonmat_predictions_total", "Inputs answered.", ("kind", "unsure"), registry=registry
        )
        self._batch = Histogram("sonmat_batch_inputs", "Inputs in a batch.", buckets=_SIZES, registry=registry)
        self._compute = Histogram(
            "sonmat_batch_seconds", "Seconds that the network took for a batch.", buckets=_SECONDS, registry=registry
        )
        self.running = Gauge("sonmat_requests_running", "Requests under way.", registry=registry)

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(path, str(status)).inc()
        self._seconds.observe(seconds)

    def batch(self, inputs: int, seconds: float) -> None:
        """Count a batch."""
        self._batch.observe(inputs)
        self._compute.observe(seconds)

    def predicted(self, kind: str, unsure: bool) -> None:
        """Count an input."""
        self._predictions.labels(kind, "true" if unsure else "false").inc()

    def text(self) -> bytes:
        """Everything, as Prometheus reads it."""
        found: bytes = generate_latest(self._registry)
        return found
