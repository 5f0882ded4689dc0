"""The README's picture of the call card can be made again, and is small."""

import os
import struct
import subprocess
import sys
from pathlib import Path

from tests.chromium import require

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "scripts" / "picture.png"
LARGEST = 150_000  # bytes


def size(picture: bytes) -> tuple[int, int]:
    """Width and height, from the head of a PNG file."""
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", picture[16:24])
    return width, height


def test_a_command_makes_it_again_in_the_same_size(tmp_path: Path) -> None:
    require()
    made = tmp_path / "card.png"
    subprocess.run(
        [sys.executable, "scripts/picture.py", "--output", str(made)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "scripts"},
        check=True,
        timeout=120,
    )
    (width, height), (kept_width, kept_height) = size(made.read_bytes()), size(PICTURE.read_bytes())
    assert width == kept_width
    assert abs(height - kept_height) < 100  # fonts differ from machine to machine
    assert len(made.read_bytes()) < LARGEST


def test_it_is_small() -> None:
    assert len(PICTURE.read_bytes()) < LARGEST
