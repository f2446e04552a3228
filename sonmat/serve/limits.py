"""What a server takes on: sizes, times and numbers, and the answers to requests beyond them."""

from __future__ import annotations

from dataclasses import dataclass

from sonmat.language import say


@dataclass(frozen=True)
class Limits:
    """The limits of a server.

    Attributes:
        body: Bytes of one request.
        bodies: Bytes of all requests that are being read or wait.
        pixels: Of one image.
        inputs: Images, arrays or sentences in one request.
        letters: Of one sentence.
        requests: Requests at a time; more are turned away.
        seconds: How long a request may take, its reading included.
        gather: Seconds that a batch waits for requests that are on their way.
        batches: The sizes that batches are filled up to; the last is the largest. Each is compiled once, at the start.
    """

    body: int = 20 << 20
    bodies: int = 256 << 20
    pixels: int = 50_000_000
    inputs: int = 64
    letters: int = 20_000
    requests: int = 256
    seconds: float = 10.0
    gather: float = 0.001
    batches: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)

    def padded(self, count: int) -> int:
        """The smallest size of a batch that holds so many inputs."""
        return next((size for size in self.batches if size >= count), count)


class Refusal(Exception):
    """A request that is answered with an error: what was expected, what came, and what to do.

    Attributes:
        status: The HTTP status.
        problem, fix: As a `SonmatError` has them.
        headers: To send along.
    """

    def __init__(self, status: int, problem: str, fix: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, problem, fix)
        self.status, self.problem, self.fix = status, problem, fix
        self.headers = headers or {}


def too_large(what: str, korean: str, came: str, most: str) -> Refusal:
    """413: the request, an image in it or a sentence is larger than the server takes."""
    return Refusal(
        413,
        say(f"{what} is too large: {came}; at most {most}.", f"{korean}이(가) 너무 큽니다: {came}. 최대 {most}."),
        say("Send less at once, or start the server with a larger limit.", "나누어 보내거나 서버의 한도를 늘리세요."),
    )


def busy() -> Refusal:
    """503: as many requests are under way as the server takes."""
    return Refusal(
        503,
        say("The server is busy.", "서버가 바쁩니다."),
        say("Try again in a second.", "1초 뒤에 다시 시도하세요."),
        {"Retry-After": "1"},
    )


def too_slow(seconds: float) -> Refusal:
    """504: the answer did not come in time."""
    return Refusal(
        504,
        say(f"No answer within {seconds:g} seconds.", f"{seconds:g}초 안에 답하지 못했습니다."),
        say("Send fewer inputs at once, or try again later.", "한 번에 적게 보내거나 나중에 다시 시도하세요."),
    )
