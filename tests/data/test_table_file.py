"""Tables of one's own: whatever program wrote them, the same rows come out."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonmat.data.names import natural
from sonmat.data.table_file import Table, read_table
from sonmat.errors import DataError

TEXTS = [
    "배송이 언제 오나요?",
    "환불하고 싶어요",
    "비밀번호를 잊었어요, 도와주세요",
    '그가 "네"라고 했다',
    "두 줄\n문장입니다",
] * 4
LABELS = ["배송", "환불", "계정", "기타", "기타"] * 4
_SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


def written(
    rows: list[tuple[str, ...]],
    header: tuple[str, ...] | None = ("text", "label"),
    delimiter: str = ",",
    end: str = "\n",
) -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end)
    writer.writerows([*([header] if header else []), *rows])
    return out.getvalue()


def table(tmp_path: Path, content: str | bytes, encoding: str = "utf-8", name: str = "t.csv", **how: object) -> Table:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return read_table(path, **how)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("cp949", "cp949"),
        ("euc-kr", "cp949"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("utf-32", "utf-32"),
    ],
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_encoding_and_delimiter_are_found_out(
    tmp_path: Path, encoding: str, found: str, delimiter: str, end: str
) -> None:
    rows = list(zip(TEXTS, LABELS, strict=True))
    came = table(tmp_path, written(rows, delimiter=delimiter, end=end), encoding)
    assert (came.kind, came.encoding, came.delimiter) == ("text", found, delimiter)
    assert came.values == TEXTS
    assert came.labels == LABELS
    assert came.classes == ("계정", "기타", "배송", "환불")
    assert came.columns == ("text", "label")


def test_western_letters_are_no_korean(tmp_path: Path) -> None:
    rows = [
        ("Où est ma commande déjà payée ?", "livraison"),
        ("Je veux être remboursé", "retour"),
        ("Señor, ¿qué pasó?", "otro"),
    ] * 5
    came = table(tmp_path, written(rows), "cp1252")
    assert came.encoding == "cp1252"
    assert came.values[0] == "Où est ma commande déjà payée ?"


def test_excels_first_line_names_the_delimiter(tmp_path: Path) -> None:
    came = table(tmp_path, "sep=;\r\n" + written([("a, b", "x"), ("c, d", "y")], delimiter=";", end="\r\n"), "cp949")
    assert came.values == ["a, b", "c, d"]


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        (("id", "document", "label"), ("document", "label")),
        (("", "sentence", "intent"), ("sentence", "intent")),
        (("번호", "문장", "분류"), ("문장", "분류")),
        (("label", "text", "date"), ("text", "label")),
        (("Q", "A", "label"), ("Q", "label")),
    ],
)
def test_columns_are_found_by_their_names(tmp_path: Path, header: tuple[str, ...], columns: tuple[str, str]) -> None:
    cells = {
        "id": "u-{}",
        "": "{}",
        "번호": "{}",
        "date": "2024-01-{}",
        "A": "the answer {}",
        "label": "yes",
        "intent": "no",
        "분류": "예",
    }
    rows = [tuple(cells.get(name, "some words {}").format(n) for name in header) for n in range(10, 20)]
    came = table(tmp_path, written(rows, header))
    assert came.columns == columns
    assert came.values[0] == "some words 10"


@pytest.mark.parametrize("label_first", [True, False])
def test_a_table_without_a_header_keeps_its_first_row(tmp_path: Path, label_first: bool) -> None:
    rows = [(t, c) for t, c in zip(TEXTS, LABELS, strict=True)]
    came = table(tmp_path, written([row[::-1] for row in rows] if label_first else rows, None))
    assert came.values == TEXTS
    assert came.columns == (("2", "1") if label_first else ("1", "2"))
    assert "without a header" in came.notes[0]


def test_columns_may_be_named(tmp_path: Path) -> None:
    rows = [(f"question {n}", f"answer {n}", "ab"[n % 2], "xyz"[n % 3]) for n in range(12)]
    content = written(rows, ("Q", "A", "kind", "mood"))
    assert table(tmp_path, content, text="A", label="mood").columns == ("A", "mood")
    assert table(tmp_path, content, text="2", label="4").values[0] == "answer 0"
    with pytest.raises(DataError, match="no column 'B'") as caught:
        table(tmp_path, content, text="B")
    assert "Q, A, kind, mood" in caught.value.fix


def test_labels_lose_stray_spaces_and_come_in_their_natural_order(tmp_path: Path) -> None:
    rows = [(f"some words {n}", label) for n, label in enumerate(["10", " 2", "1 ", "abc", "1", "2", "a10", "a9"] * 2)]
    came = table(tmp_path, written(rows))
    assert came.classes == ("1", "2", "10", "a9", "a10", "abc")
    assert natural(["b", "10", "-1", "2", "가", "A"]) == ["-1", "2", "10", "A", "b", "가"]


def test_whole_numbers_that_pandas_wrote_as_floats_are_whole(tmp_path: Path) -> None:
    came = table(tmp_path, written([(f"some words {n}", f"{n % 2}.0") for n in range(6)]))
    assert came.classes == ("0", "1")
    assert any("1.0" in note for note in came.notes)


def test_letters_are_composed(tmp_path: Path) -> None:
    import unicodedata

    came = table(tmp_path, unicodedata.normalize("NFD", written(list(zip(TEXTS, LABELS, strict=True)))))
    assert came.values == TEXTS
    assert came.classes == ("계정", "기타", "배송", "환불")


def test_images_are_told_by_their_endings(tmp_path: Path) -> None:
    rows = [(f"images/{n}.PNG", "cat" if n % 2 else "dog") for n in range(9)]
    for content in (written(rows, ("file", "what")), written(rows, None), written(rows, ("filename", "label"))):
        came = table(tmp_path, content)
        assert came.kind == "image"
        assert came.values == [name for name, _ in rows]


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("where", ["first", "last"])
def test_pixels_are_pictures(tmp_path: Path, header: bool, where: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 64), dtype=np.uint8)
    labels = [str(n % 3) for n in range(20)]
    rows = [
        (label, *map(str, row)) if where == "first" else (*map(str, row), label)
        for label, row in zip(labels, pixels, strict=True)
    ]
    names = [f"pixel{n}" for n in range(64)]
    came = table(
        tmp_path, written(rows, tuple(["label", *names] if where == "first" else [*names, "label"]) if header else None)
    )
    assert came.kind == "pixels"
    if header or where == "first":  # without a header the label is taken to be first, as MNIST has it
        np.testing.assert_array_equal(came.values, pixels.reshape(20, 8, 8))
        assert came.labels == labels


def test_pixels_that_are_none_are_refused_with_their_row(tmp_path: Path) -> None:
    rows = [[str(n % 2), *["7"] * 16] for n in range(6)]
    for wrong, said in (
        ("256", "row 5 has 256"),
        ("-1", "row 5 has -1"),
        ("1.5", "row 5 has 1.5"),
        ("", "row 5 has an empty field"),
    ):
        rows[3][4] = wrong
        with pytest.raises(DataError, match=said):
            table(tmp_path, written([tuple(row) for row in rows], ("label", *(f"p{n}" for n in range(16)))))


def test_broken_rows_are_listed_and_left_out_only_when_told_to(tmp_path: Path) -> None:
    content = 'text,label\ngood one,a\nwith, a comma,a\n"quoted, comma",b\n,b\nno label,\nlast one,b\n'
    with pytest.raises(DataError, match="3 rows are broken") as caught:
        table(tmp_path, content)
    for told in ("line 3: 3 fields, not 2", "line 5: text is empty", "line 6: label is empty"):
        assert told in caught.value.problem
    came = table(tmp_path, content, skip_unreadable=True)
    assert came.values == ["good one", "quoted, comma", "last one"]
    assert [bad.place for bad in came.bad] == ["line 3", "line 5", "line 6"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf", "one column"),
        (b"sep=;\n", "no rows"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "no text"),
        (b"a\nb\nc\n", "one column"),
        (b"text,label\n", "no rows"),
        (b'text,label\n"never closed,a\nb,c\n', "broken"),
        (b'text,label\n"' + b"x" * 200_000 + b'",a\n', "cut into fields"),
        (b"\xff\xfeab\0", "utf-16"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        table(tmp_path, content)
    assert "t.csv" in caught.value.problem
    assert caught.value.fix


def test_a_table_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="could not be read"):
        read_table(tmp_path / "none.csv")


_CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=12)


@given(
    st.lists(st.tuples(_CELLS, st.sampled_from(["예", "아니요", "a b"])), min_size=4, max_size=30),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], delimiter: str, encoding: str
) -> None:
    folder = tmp_path_factory.mktemp("table")
    rows = [(f"some words {cell}", label) for cell, label in rows]
    came = table(folder, written(rows, delimiter=delimiter), encoding)
    assert came.labels == [label for _, label in rows]
    assert [" ".join(value.split()) for value in came.values] == [" ".join(_composed(cell).split()) for cell, _ in rows]


def _composed(text: str) -> str:
    import unicodedata

    return unicodedata.normalize("NFC", text)


def check(error: DataError) -> None:
    assert error.problem
    assert error.fix


@given(st.binary(max_size=600))
def test_whatever_bytes_come_a_table_or_a_data_error_comes_out(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("table")
    for start in (b"", b"text,label\n", b"a;b\n1;2\n", b"\xff\xfe"):
        try:
            came = table(folder, start + content)
        except DataError as error:
            check(error)
        else:
            assert len(came.values) == len(came.labels)
            assert set(came.labels) == set(came.classes)


@pytest.mark.skipif(not (_SHARED / "chatbot_ko").is_dir(), reason="the shared data are not here")
def test_the_korean_set_is_read() -> None:
    came = read_table(_SHARED / "chatbot_ko" / "ChatbotData.csv")
    assert (came.kind, came.columns, came.classes) == ("text", ("Q", "label"), ("0", "1", "2"))
    assert came.values[0] == "12시 땡!"
    assert "Not used: 'A'" in came.notes[0]


@pytest.mark.skipif(not (_SHARED / "snips").is_dir(), reason="the shared data are not here")
def test_the_english_set_is_read() -> None:
    for name in ("train", "validate"):
        came = read_table(_SHARED / "snips" / f"{name}.csv")
        assert came.columns == ("text", "intent")
        assert len(came.classes) == 7


_EDITS = st.lists(
    st.tuples(
        st.sampled_from(["insert", "cut", "double", "swap"]),
        st.floats(0, 1, exclude_max=True),
        st.sampled_from(
            [
                b'"',
                b'""',
                b"\0",
                b"\xff\xfe",
                b"\xef\xbb\xbf",
                b",",
                b";",
                b"\t",
                b"\r",
                b"\r\n",
                b"\n\n",
                b"\xb0",
                b" " * 99,
                b"a" * 140_000,
            ]
        ),
    ),
    min_size=1,
    max_size=6,
)


@given(
    st.sampled_from(["utf-8", "cp949", "utf-16"]), st.sampled_from(["text", "image", "pixels"]), _EDITS, st.booleans()
)
def test_valid_tables_with_something_changed_give_a_table_or_a_data_error(
    tmp_path_factory: pytest.TempPathFactory,
    encoding: str,
    kind: str,
    edits: list[tuple[str, float, bytes]],
    skip: bool,
) -> None:
    rows = {
        "text": list(zip(TEXTS, LABELS, strict=True)),
        "image": [(f"a/{n}.png", LABELS[n]) for n in range(20)],
        "pixels": [(str(n % 2), *(str(k) for k in range(n, n + 20))) for n in range(20)],
    }[kind]
    content = written(rows, None).encode(encoding)
    for how, place, new in edits:
        at = int(place * len(content))
        content = {
            "insert": content[:at] + new + content[at:],
            "cut": content[:at] + content[at + len(new) :],
            "double": content[:at] + content[at:] * 2,
            "swap": content[:at] + new + content[at + len(new) :],
        }[how]
    try:
        came = table(tmp_path_factory.mktemp("table"), content, skip_unreadable=skip)
    except DataError as error:
        check(error)
    else:
        assert len(came.values) == len(came.labels) > 0


def test_a_table_of_a_million_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"1,000,001 fields and the limit is 100,000"):
        table(tmp_path, "1," * 1_000_000 + "\n1\n")


def test_a_table_of_few_numbers_is_told_how_to_give_them(tmp_path: Path) -> None:
    rows = [(f"{n / 7:.2f}", f"{n / 3:.2f}", "abc"[n % 3]) for n in range(30)]
    with pytest.raises(DataError, match="beside the labels in 'species' it has 2 columns of numbers") as caught:
        table(tmp_path, written(rows, ("width", "height", "species")))
    assert "numpy.savez" in caught.value.fix
