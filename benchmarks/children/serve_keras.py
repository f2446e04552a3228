"""The server that is first written: FastAPI, and one `model.predict` a request: `serve_keras.py MODEL SITE`.

Run by the peers' Python with `KERAS_BACKEND`; nothing of sonmat is imported. FastAPI and uvicorn come from the folder SITE where
this Python has none of its own, so that both servers have the same. It says its address, and answers until it is ended.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from typing import Any

import keras
import numpy as np


def main() -> None:
    """Answer for ever."""
    model = keras.models.load_model(sys.argv[1])
    model.predict(np.zeros((1, 28, 28), np.float32), verbose=0)  # compiled before anyone asks
    sys.path.append(sys.argv[2])  # at the end: Keras and its backend stay this Python's own
    import uvicorn
    from fastapi import FastAPI, Request

    app = FastAPI()

    async def predict(request: Request) -> dict[str, Any]:
        # Not a plain `def`, for which threads would call Keras at once and wait for each other.
        rows = np.asarray(json.loads(await request.body())["pixels"], np.float32)[None] / 255
        return {"predictions": model.predict(rows, verbose=0).tolist()}

    predict.__annotations__["request"] = Request  # FastAPI cannot look up a name that is local
    app.add_api_route("/predict", predict, methods=["POST"], response_model=None)
    listening = socket.socket(
        socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP
    )  # answers are sent at once, as sonmat's
    listening.bind(("127.0.0.1", 0))
    listening.listen(512)
    versions = {"backend": keras.backend.backend(), "keras": keras.__version__, "python": sys.version.split()[0]}
    print(
        json.dumps({"address": f"http://127.0.0.1:{listening.getsockname()[1]}", "pid": os.getpid()} | versions),
        flush=True,
    )
    config = uvicorn.Config(app, log_level="warning", access_log=False, backlog=512)
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
