"""A process killed at any moment of `add` loses nothing committed, and the next `add` resumes."""

import random
import subprocess
import sys
from pathlib import Path

NAMES = "Ada Byrne,Tom Hale,FC Aare,Bern,Thun,Oslo,Lake Mirror,The Long Bridge,Ida Falk,North Mill".split(",")


def write_documents(folder, count):
    chance = random.Random(3)
    folder.mkdir()
    for number in range(count):
        sentences = [
            f"{chance.choice(NAMES)} {chance.choice(['lives in', 'met', 'left', 'founded'])} {chance.choice(NAMES)} "
            f"in {chance.randrange(1900, 2000)}."
            for _ in range(chance.randrange(2, 12))
        ]
        (folder / f"note{number:02}.md").write_text(f"# {chance.choice(NAMES)} {number}\n\n{' '.join(sentences)}\n")


def test_kill_nine_at_fifty_random_moments_of_add_loses_nothing(tmp_path):
    folder = tmp_path / "notes"
    write_documents(folder, 40)
    script = Path(__file__).with_name("kill_add.py")
    done = subprocess.run(
        [sys.executable, script, folder, "50"], capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    kills, _, midst = done.stdout.split()[:3]
    assert kills == "50"
    assert int(midst) >= 5, f"too few kills hit a half-built store: {done.stdout}"
