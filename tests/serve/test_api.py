"""The HTTP API: what it answers, what it refuses and how, and that nothing a client sends breaks it."""

from __future__ import annotations

import io
import json
import re
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from starlette.testclient import TestClient

import sonmat as sm
from sonmat.data.dataset import Dataset
from sonmat.runs.tokenizer_card import inputs_of
from sonmat.serve import api
from sonmat.serve.access import Access
from sonmat.serve.api import Service, application
from sonmat.serve.limits import Limits
from sonmat.serve.predictor import Predictor

HOST = "http://127.0.0.1:8000"
LIMITS = Limits(body=200_000, pixels=100_000, inputs=5, letters=1000, requests=8, seconds=20.0)


def client_of(predictor: Predictor, limits: Limits = LIMITS, token: str | None = None) -> TestClient:
    service = Service(predictor, limits, "test", HOST, token=token is not None)
    host = "127.0.0.1" if token is None else "0.0.0.0"
    return TestClient(application(service, Access(host, token)), base_url=HOST, raise_server_exceptions=False)


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    path = tmp_path_factory.mktemp("digits") / "m.keras"
    sm.save_model(sm.build("notes-mlp", seed=1), path, inputs={"scale": 255.0}, classes=list("0123456789"))
    return Predictor.open(path)


@pytest.fixture(scope="module")
def sentences_model(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    texts = ["play some jazz", "환불하고 싶어요", "what is the weather", "환불해 주세요"] * 4
    (data,) = sm.tokenize(Dataset.from_sentences(texts, [0, 1, 0, 1] * 4, classes=["en", "ko"]), vocabulary=120)
    path = tmp_path_factory.mktemp("texts") / "m.keras"
    model = sm.build("textcnn", data, units=8, filters=8)
    sm.save_model(model, path, inputs=inputs_of(data), classes=data.classes)
    return Predictor.open(path)


@pytest.fixture(scope="module")
def client(digits: Predictor) -> Iterator[TestClient]:
    with client_of(digits) as opened:
        yield opened


@pytest.fixture(scope="module")
def texts(sentences_model: Predictor) -> Iterator[TestClient]:
    with client_of(sentences_model) as opened:
        yield opened


def picture(size: tuple[int, int] = (28, 28), kind: str = "PNG") -> bytes:
    image = Image.new("L", size, 255)
    image.paste(0, (size[0] // 2 - 2, size[1] // 4, size[0] // 2 + 2, 3 * size[1] // 4))
    held = io.BytesIO()
    image.save(held, kind)
    return held.getvalue()


def one_of(answer: Any, classes: int = 10) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    (found,) = answer.json()["predictions"]
    assert set(found) == {"class", "probabilities", "unsure", "reason"}
    assert len(found["probabilities"]) == classes
    assert sum(found["probabilities"].values()) == pytest.approx(1, abs=1e-4)
    assert found["unsure"] == bool(found["reason"])
    return dict(found)


# What it answers


def test_raw_pixels_are_answered_as_the_predictor_does(client: TestClient, digits: Predictor) -> None:
    rows = np.random.default_rng(0).integers(0, 256, (3, 28, 28))
    found = client.post("/predict", json={"pixels": rows.tolist()}).json()["predictions"]
    expected = digits.rows(rows.astype(np.float32))
    for got, want in zip(found, expected, strict=True):
        assert got["class"] == want.label
        np.testing.assert_allclose(list(got["probabilities"].values()), want.probabilities, atol=1e-6)
    assert one_of(client.post("/predict", json={"pixels": rows[0].tolist()}))["class"] == expected[0].label


@pytest.mark.parametrize(
    ("kind", "media"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp"), ("BMP", "image/bmp")]
)
def test_image_files_are_answered(client: TestClient, kind: str, media: str) -> None:
    one_of(client.post("/predict", content=picture((60, 80), kind), headers={"content-type": media}))


def test_several_files_of_a_form_are_answered_in_order(client: TestClient, digits: Predictor) -> None:
    wide, tall = picture((90, 40)), picture((40, 90))
    files = [("file", ("a.png", wide, "image/png")), ("file", ("b.png", tall, "image/png"))]
    found = client.post("/predict", files=files).json()["predictions"]
    assert [one["class"] for one in found] == [
        one_of(client.post("/predict", content=each, headers={"content-type": "image/png"}))["class"]
        for each in (wide, tall)
    ]


def test_sentences_are_answered(texts: TestClient, sentences_model: Predictor) -> None:
    said = "환불하고 싶어요"
    (expected,) = sentences_model.texts([said])
    plain = {"content": said.encode(), "headers": {"content-type": "text/plain; charset=utf-8"}}
    for how in ({"json": {"text": said}}, {"json": {"texts": [said]}}, plain, {"files": {"text": (None, said)}}):
        found = one_of(texts.post("/predict", **how), 2)
        assert found["class"] == expected.label
        np.testing.assert_allclose(list(found["probabilities"].values()), expected.probabilities, atol=1e-6)
    assert len(texts.post("/predict", json={"texts": [said, "jazz"]}).json()["predictions"]) == 2


# What it refuses


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ({"content": b"x", "headers": {"content-type": "application/zip"}}, 415),
        ({"content": b"x"}, 415),
        ({"content": b"", "headers": {"content-type": "image/png"}}, 422),
        ({"content": b"no image", "headers": {"content-type": "image/png"}}, 422),
        ({"content": picture()[:60], "headers": {"content-type": "image/png"}}, 422),
        ({"content": picture((500, 400)), "headers": {"content-type": "image/png"}}, 422),
        ({"content": b"x" * 200_001, "headers": {"content-type": "image/png"}}, 413),
        ({"content": iter([b"x" * 70_000] * 4), "headers": {"content-type": "image/png"}}, 413),
        ({"content": b"{", "headers": {"content-type": "application/json"}}, 422),
        ({"content": b"[" * 100_000, "headers": {"content-type": "application/json"}}, 422),
        ({"json": []}, 422),
        ({"json": {"pixels": [[1, 2], [3]]}}, 422),
        ({"json": {"pixels": [[1, 2], [3, 4]]}}, 422),
        ({"json": {"pixels": "0"}}, 422),
        ({"json": {"pixels": [["a"] * 28] * 28}}, 422),
        ({"json": {"pixels": []}}, 422),
        ({"content": b'{"pixels": [' + b",".join([b"[" + b",".join([b"1e999"] * 28) + b"]"] * 28) + b"]}",
          "headers": {"content-type": "application/json"}}, 422),
        ({"json": {"pixels": [[[0] * 28] * 28] * 6}}, 413),
        ({"json": {"pixels": [[0] * 28] * 28, "more": 1}}, 422),
        ({"json": {"text": "hello"}}, 422),
        ({"content": b"--x", "headers": {"content-type": "multipart/form-data"}}, 422),
        ({"content": b"--x\r\n\r\n", "headers": {"content-type": "multipart/form-data; boundary=x"}}, 422),
        ({"files": {"other": (None, "text")}}, 422),
        ({"files": [("file", ("a.png", picture(), "image/png"))] * 6}, 422),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_refused_with_a_reason_and_a_fix(
    client: TestClient, how: dict[str, Any], status: int
) -> None:
    answer = client.post("/predict", **how)
    assert answer.status_code == status, answer.text
    told = answer.json()
    assert set(told) == {"error", "fix"}
    assert told["error"]
    assert told["fix"]
    one_of(client.post("/predict", json={"pixels": [[0] * 28] * 28}))  # and goes on


@pytest.mark.parametrize("unit", [b"[]", b"{}", b"0", b"[0]"])
def test_json_that_no_inputs_can_need_is_refused_by_its_size(client: TestClient, unit: bytes) -> None:
    body = b'{"pixels": [' + b",".join([unit] * (150_000 // len(unit))) + b"]}"
    answer = client.post("/predict", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 413
    row = [[-1.2345678901234567e-300] * 28] * 28  # and the longest numbers that there are fit
    assert client.post("/predict", json={"pixels": [row] * LIMITS.inputs}).status_code == 200


def test_large_pictures_are_made_small_before_the_next_is_decoded(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[weakref.ref[np.ndarray]] = []
    real = api.open_image

    def counted(*given: Any, **more: Any) -> np.ndarray:
        assert sum(one() is not None for one in held) <= 1
        opened = np.array(real(*given, **more))
        held.append(weakref.ref(opened))
        return opened

    monkeypatch.setattr(api, "open_image", counted)
    files = [("file", ("a.png", picture((300, 300)), "image/png"))] * LIMITS.inputs
    assert len(client.post("/predict", files=files).json()["predictions"]) == LIMITS.inputs == len(held)


def test_sentences_beyond_the_limits_are_refused(texts: TestClient) -> None:
    assert texts.post("/predict", json={"text": "a" * 1001}).status_code == 413
    assert texts.post("/predict", json={"texts": ["a"] * 6}).status_code == 413
    assert texts.post("/predict", json={"texts": []}).status_code == 422
    assert texts.post("/predict", json={"texts": [3]}).status_code == 422
    assert texts.post("/predict", json={"pixels": [0]}).status_code == 422
    assert texts.post("/predict", content=b"\xff\xfe\xfa", headers={"content-type": "text/plain"}).status_code == 422
    assert texts.post("/predict", content=picture(), headers={"content-type": "image/png"}).status_code == 415


def test_other_paths_methods_and_hosts(client: TestClient) -> None:
    assert client.get("/predict").status_code == 405
    assert client.get("/nothing").status_code == 404
    assert client.get("/health", headers={"host": "evil.example"}).status_code == 403
    assert client.post("/predict", headers={"origin": "http://evil.example"}).status_code == 403
    two = [("origin", "http://evil.example"), ("origin", HOST), ("content-type", "text/plain")]
    assert client.post("/predict", headers=two, content=b"x").status_code == 403
    assert client.post("/predict/", follow_redirects=False).status_code == 404
    for method in ("HEAD", "OPTIONS", "PUT", "TRACE"):
        answer = client.request(method, "/predict")
        assert answer.status_code == 405
        assert answer.headers["allow"] == "POST"


def test_the_token_is_asked_for_everywhere_but_in_health(digits: Predictor) -> None:
    token = "a-token-of-enough-letters"
    with client_of(digits, token=token) as guarded:
        assert guarded.get("/health").status_code == 200
        for path in ("/docs", "/openapi.json", "/metrics"):
            answer = guarded.get(path)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
            assert guarded.get(path, headers={"authorization": f"Bearer {token}"}).status_code == 200
        asked = {"pixels": [[0] * 28] * 28}
        assert guarded.post("/predict", json=asked).status_code == 401
        one_of(guarded.post("/predict", json=asked, headers={"authorization": f"Bearer {token}"}))


def test_more_at_a_time_than_the_limit_is_turned_away(digits: Predictor) -> None:
    with client_of(digits, Limits(requests=0)) as full:
        answer = full.post("/predict", json={"pixels": [[0] * 28] * 28})
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        assert full.get("/health").status_code == 200
    with client_of(digits, Limits(bodies=100)) as full:
        assert full.post("/predict", json={"pixels": [[0] * 28] * 28}).status_code == 503


def test_what_takes_too_long_is_given_up(digits: Predictor) -> None:
    with client_of(digits, Limits(seconds=1e-9)) as slow:
        answer = slow.post("/predict", json={"pixels": [[0] * 28] * 28})
        assert answer.status_code == 504
        assert "seconds" in answer.json()["error"]


# What it says of itself


def test_health(client: TestClient) -> None:
    assert client.get("/health").json() == {"status": "ok", "kind": "image", "classes": 10, "shape": [28, 28]}


def test_metrics_count_what_happened(digits: Predictor) -> None:
    with client_of(digits) as counted:
        counted.post("/predict", json={"pixels": [[[0] * 28] * 28] * 3})
        counted.post("/predict", content=b"x", headers={"content-type": "image/png"})
        counted.get("/a-path-of-a-stranger")
        text = counted.get("/metrics").text
    assert re.search(r'sonmat_requests_total\{path="/predict",status="200"\} 1\.0', text)
    assert re.search(r'sonmat_requests_total\{path="/predict",status="422"\} 1\.0', text)
    assert re.search(r'sonmat_requests_total\{path="other",status="404"\} 1\.0', text)
    assert "stranger" not in text
    assert sum(map(float, re.findall(r'sonmat_predictions_total\{kind="rows",unsure="\w+"\} (\S+)', text))) == 3


def test_the_documents_need_no_other_server(client: TestClient, texts: TestClient) -> None:
    for each in (client, texts):
        for path in ("/docs", "/"):
            page = each.get(path)
            assert page.status_code == 200
            assert "curl" in page.text
            assert not re.search(r"(src|href)=", page.text)
        told = each.get("/openapi.json").json()
        body = told["paths"]["/predict"]["post"]
        assert {"200", "413", "415", "422", "503", "504"} <= body["responses"].keys()
        assert "application/json" in body["requestBody"]["content"]
        fields = told["components"]["schemas"]["Prediction"]["properties"]
        assert set(fields) == {"class", "probabilities", "unsure", "reason"}


def test_a_fault_of_its_own_is_told_and_logged(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: Any) -> None:
        raise RuntimeError("a secret of the server")

    monkeypatch.setattr(client.app._app._service, "_told", broken)  # type: ignore[attr-defined]
    answer = client.post("/predict", json={"pixels": [[0] * 28] * 28})
    assert answer.status_code == 500
    assert answer.json().keys() == {"error", "fix"}
    assert "secret" not in answer.text
    assert "a secret of the server" in caplog.text


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


_PART = b'--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
_MEDIA = ["application/json", "image/png", "text/plain", "multipart/form-data; boundary=x", ""]
_BODIES = (
    st.binary(max_size=300)
    | _JSON.map(lambda value: json.dumps({"pixels": value}).encode())
    | st.binary(max_size=80).map(lambda part: _PART + part)
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(_MEDIA), _BODIES)
def test_no_body_breaks_it(client: TestClient, media: str, body: bytes) -> None:
    answer = client.post("/predict", content=body, headers={"content-type": media})
    assert answer.status_code in (200, 413, 415, 422)
    assert answer.json().keys() in ({"predictions"}, {"error", "fix"})
