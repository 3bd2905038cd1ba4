"""Kills `add` with SIGKILL at random moments, again and again, and checks what is left; run by test_kill.py.

    python kill_add.py FOLDER TRIALS

Each trial forks a process that adds the documents of FOLDER to a new store and kills it at a random moment of the time
an undisturbed run takes. What the store then holds must be whole documents of the undisturbed store; adding again must
make it equal to that.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

from ragkit import KnowledgeBase
from ragkit.pipeline import build as lane

lane.BATCH_DOCUMENTS = 4  # so that writing is spread over the whole run, as in a long one
PIPELINE = 'chunk(tokens=30, overlap=0) >> bm25 + trigraph(model="hash", ner="") + clue(model="hash", ner="")'


def build(path, folder):
    with KnowledgeBase(path, PIPELINE) as kb:
        return kb.add(folder)


def content(path):
    """Everything a store holds, by document, without the numbers that depend on history."""
    with KnowledgeBase(path, PIPELINE, create=False) as kb:
        rows = kb.store.rows
        assert rows("PRAGMA integrity_check") == [("ok",)]
        assert rows("PRAGMA foreign_key_check") == []
        vectors = dict(rows("SELECT t.text, v.vector FROM vectors v JOIN texts t ON t.id = v.text"))
        documents = {}
        for id, text, digest, metadata in rows("SELECT id, text, digest, metadata FROM documents"):
            documents[id] = [text, digest, metadata]
        sql = (
            "SELECT d.id, c.id, c.text, c.metadata, i.stage, x.texts, x.data, x.note FROM documents d "
            "JOIN chunks c ON c.document = d.number LEFT JOIN derived x ON x.slot = c.slot "
            "LEFT JOIN indexes i ON i.number = x.index_number ORDER BY d.id, c.start, i.stage"
        )
        texts = dict(rows("SELECT id, text FROM texts"))
        for document, *chunk, stage, ids, data, note in rows(sql):
            named = [texts[int.from_bytes(ids[at : at + 4], "little")] for at in range(0, len(ids), 4)]
            embedded = [] if stage == "bm25" else [vectors.get(text) for text in named]
            documents[document].append((tuple(chunk), stage, tuple(named), tuple(embedded), data, note))
        found = [[(hit.chunk.id, round(hit.score, 9)) for hit in kb.search("Where does Ada live?", k=20)]]
        return documents, sorted(texts.values()), found


def main():
    folder, trials = Path(sys.argv[1]), int(sys.argv[2])
    whole_path = folder.parent / "whole.db"
    build(folder.parent / "warm.db", folder)
    started = time.perf_counter()
    build(whole_path, folder)
    seconds = time.perf_counter() - started
    whole = content(whole_path)
    chance = random.Random(7)
    cut_short = 0
    for trial in range(trials):
        path = folder.parent / f"killed{trial}.db"
        child = os.fork()
        if child == 0:
            build(path, folder)
            os._exit(0)
        time.sleep(chance.uniform(0, 1.1 * seconds))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        before = 0
        if path.exists():
            documents, _, _ = content(path)
            assert all(whole[0][id] == document for id, document in documents.items()), (
                f"trial {trial}: a half document"
            )
            before = len(documents)
        report = build(path, folder)
        assert len(report.unchanged) == before, f"trial {trial}: {before} were there, {report}"
        cut_short += 0 < before < len(whole[0])
        assert content(path) == whole, f"trial {trial}: the resumed store differs"
    print(f"{trials} kills, {cut_short} in the midst of {seconds:.2f} s")


if __name__ == "__main__":
    main()
