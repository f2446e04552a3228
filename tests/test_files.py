"""What a killed writer leaves is removed by the next, and only that."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sonmat.files import remove_dead_parts, replacing, write_text

WRITER = """
import sys, time
from sonmat.files import replacing
with replacing(sys.argv[1]) as file:
    file.write(b"half")
    print("there", flush=True)
    time.sleep(600)
"""


@pytest.mark.skipif(os.name != "posix", reason="kills are POSIX's")
def test_what_a_killed_writer_leaves_goes_and_what_a_living_one_writes_stays(tmp_path: Path) -> None:
    target = tmp_path / "result.json"
    write_text(target, "old")
    writer = subprocess.Popen([sys.executable, "-c", WRITER, target], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"there\n"
    (half,) = tmp_path.glob(".*.part")
    remove_dead_parts(tmp_path)
    assert half.exists(), "its writer lives"
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    elsewhere = half.with_name(half.name.replace(half.name.split(".")[3], f"abcdef-{writer.pid}"))
    elsewhere.touch()
    users = [tmp_path / name for name in ("mine.part", ".mine.part", f".mine.{writer.pid}.part")]
    for file in users:
        file.touch()
    with replacing(target) as file:
        remove_dead_parts(tmp_path)
        file.write(b"new")
    assert target.read_text() == "new"
    assert sorted(tmp_path.iterdir()) == sorted([target, elsewhere, *users])
    remove_dead_parts(tmp_path / "not there")
