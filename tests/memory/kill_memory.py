"""Kills adding, consolidating and forgetting with SIGKILL at random moments, and checks what is left.

    python kill_memory.py FOLDER TRIALS

Each trial forks a process that goes through a fixed list of steps on a new file and writes down each one it has
completed; it is killed at a random moment of a random step, as many of each kind. What was completed must be there
(messages) or gone to the last byte (forgotten ones), the memory must be consistent, and going through all steps again
must end where the undisturbed run ended.
"""

import io
import json
import os
import random
import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ragkit.memory import MemoryConfig, Message
from ragkit.memory.memory import Memory

MONDAY = datetime(2023, 5, 8, 13, 56, tzinfo=UTC)
PLACES = "Bern,Thun,Oslo,Lake Mirror,North Mill,Varrin".split(",")
COUNT = 96
CONFIG = MemoryConfig(cluster_threshold=0.5, cold_start=10)


def now():
    return MONDAY + timedelta(days=400)


def messages():
    chance = random.Random(5)
    made = []
    for number in range(COUNT):
        place = chance.choice(PLACES)
        text = f"I went jogging at {place} with Zoe again and saw the secret{number:03}word near the river"
        speaker = ("Ann", "Bob")[number % 2]
        start = MONDAY + timedelta(days=number // 20, minutes=number)
        made.append(Message(text, speaker, time=start, session=f"s{number // 20}", id=f"m{number}"))
    return made


def forgotten():
    return [f"m{number}" for number in range(COUNT) if number % 8 == 3]


def steps():
    """Names of the steps and what each does; every one may be repeated."""
    all_messages = messages()
    for start in range(0, COUNT, 8):
        yield f"add {start}", lambda mem, part=all_messages[start : start + 8]: mem.add_many(part)
    yield "consolidate", lambda mem: mem.consolidate()
    for id in forgotten():
        yield f"forget {id}", lambda mem, id=id: mem.get(id) and mem.forget(id)
    yield "consolidate again", lambda mem: mem.consolidate()


def run(path, done=None):
    """Go through the steps; the seconds each took."""
    took = []
    with Memory(path, embedder="hash", config=CONFIG, clock=now, worker=False) as mem:
        for name, step in steps():
            started = time.perf_counter()
            step(mem)
            took.append(time.perf_counter() - started)
            if done is not None:
                os.write(done, (name + "\n").encode())
    return took


def content(path):
    """What the memory holds, without the numbers that depend on history."""
    with Memory(path, embedder="hash", config=CONFIG, clock=now, worker=False) as mem:
        report = mem.check()
        assert report.ok, report
        mem.flush(30)
        file = io.StringIO()
        mem.export(file)
    lines = [json.loads(line) for line in file.getvalue().splitlines()]
    told = {line["message"]["uid"]: line["message"]["text"] for line in lines if "message" in line}
    units = {line["unit"]["uid"]: (line["unit"]["text"], line["unit"]["ctx"]) for line in lines if "unit" in line}
    return told, {uid: unit for uid, unit in units.items() if not uid.startswith("abstract")}


def judge(path, completed):
    """What was completed before the kill holds after it."""
    told, _ = content(path)
    data = b"".join(file.read_bytes() for file in sorted(path.parent.glob(path.name + "*")))
    forgot = {step.split()[1] for step in completed if step.startswith("forget")}
    for step in completed:
        if step.startswith("add"):
            start = int(step.split()[1])
            for number in range(start, start + 8):
                begun = f"m{number}" in forgotten()  # it may be gone, if the kill came just after it was forgotten
                assert f"m{number}" in told or begun, f"m{number} was added and is lost"
    for id in forgot:
        assert id not in told, f"{id} was forgotten and is back"
        assert f"secret{int(id[1:]):03}word".encode() not in data, f"{id} was forgotten and left traces"


def main():
    folder, trials = Path(sys.argv[1]), int(sys.argv[2])
    names = [name for name, _ in steps()]
    kinds = [name.split()[0] for name in names]
    run(folder / "warm.db")
    took = run(folder / "whole.db")
    whole = content(folder / "whole.db")
    chance = random.Random(7)
    hit = {"add": 0, "consolidate": 0, "forget": 0}
    for trial in range(trials):
        kind = list(hit)[trial % 3]
        aim = chance.choice([place for place, other in enumerate(kinds) if other == kind])
        path = folder / f"killed{trial}.db"
        completed = killed(path, aim, chance.uniform(0, took[aim]))
        if len(completed) < len(names):
            hit[kinds[len(completed)]] += 1
        if path.exists():
            judge(path, completed)
        run(path)
        again = content(path)
        assert again == whole, f"trial {trial}: the resumed memory differs"
        path.unlink()
    print(f"{trials} kills; add {hit['add']} consolidate {hit['consolidate']} forget {hit['forget']}")


def killed(path, aim, pause):
    """The steps a process completed that was killed `pause` seconds after it began the step at place `aim`."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        run(path, writer)
        os._exit(0)
    os.close(writer)
    completed = []
    with os.fdopen(reader) as pipe:
        while len(completed) < aim:
            completed.append(pipe.readline().strip())
        time.sleep(pause)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return completed + pipe.read().splitlines()


if __name__ == "__main__":
    main()
