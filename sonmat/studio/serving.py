"""`sonmat studio`: the page served until it is asked to stop; one studio at a time for a folder of runs."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import filelock

from sonmat.errors import ServerError
from sonmat.files import storing
from sonmat.language import say
from sonmat.runs.folder import open_run
from sonmat.serve.access import Access, is_loopback, new_token
from sonmat.serve.limits import Limits
from sonmat.serve.listening import address_of, listen, serve, token_given
from sonmat.studio.place import ADDRESS, SERVER_LOCK, studio_folder

_LIMITS = Limits(body=20 << 20, seconds=1.0)


def serve_studio(shown: tuple[str, ...], host: str, port: int, *, ready: Callable[[str], None]) -> str:
    """Serve the studio until SIGTERM or Ctrl-C.

    Args:
        shown: Runs to show first, of those in the folder of runs.
        host, port: Where; an address that others reach needs the token that its link carries.
        ready: Called with the address of the page when it can be opened.

    Returns:
        The name of the run or study that trains on to its end; empty where none does.

    Raises:
        RunError: One of the runs is not there.
        ServerError: The address cannot be listened on, or another studio keeps these runs.
        StorageError: The folder of runs cannot be written.
    """
    names = tuple(open_run(name).path.resolve().name for name in shown)
    token = None if is_loopback(host) else token_given() or new_token()
    access = Access(host, token)
    with storing(Path("runs")):
        folder = studio_folder()
    with _alone(folder), listen(host, port) as listening:
        from sonmat.studio.app import application
        from sonmat.studio.studio import Studio

        studio = Studio(names)
        address = reached(address_of(listening))
        (folder / ADDRESS).write_text(address, encoding="utf-8")
        page = f"{address}/" + (f"?token={quote(token)}" if token else "")
        serve(
            application(studio, access, _LIMITS), listening, _LIMITS,
            ready=lambda: ready(page), leaving=studio.leaving,
        )  # fmt: skip
        return studio.left


def reached(address: str) -> str:
    """The address that other machines reach a server by that listens on all of this one's."""
    host = urlsplit(address).hostname or ""
    if host not in ("0.0.0.0", "::"):
        return address
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(("192.0.2.1", 9))  # sends nothing: it only chooses the way out
            own = str(asking.getsockname()[0])
        except OSError:
            own = socket.gethostname()
    return f"http://{own}:{urlsplit(address).port}"


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    lock = filelock.FileLock(folder / SERVER_LOCK, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        where = ""
        with contextlib.suppress(OSError):
            where = (folder / ADDRESS).read_text(encoding="utf-8")
        raise ServerError(
            say(
                f"A studio keeps {folder.parent} already.", f"이미 {folder.parent}을(를) 보여 주는 스튜디오가 있습니다."
            ),
            say(f"Open {where}, or stop that one.", f"{where}을(를) 열거나 그것을 멈추세요."),
        ) from None
    try:
        yield
    finally:
        lock.release()
