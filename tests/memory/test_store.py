"""The file of a memory: closing it while others use it."""

import threading

import pytest

from ragkit.errors import StoreError
from ragkit.memory import Memory
from ragkit.memory.store import MemoryStore


def test_a_memory_that_is_closed_in_use_ends_what_is_begun_and_refuses_the_rest(tmp_path):
    memory = Memory(tmp_path / "m.db", scope="ann", embedder=None)
    memory.add("I like tea.", speaker="Ann")
    under_way, refused = threading.Barrier(4), []

    def use(work):
        work(0)
        under_way.wait()
        for n in range(1, 10_000):
            try:
                work(n)
            except StoreError as error:
                refused.append(str(error))
                return

    works = (
        lambda n: memory.add(f"I like tea number {n}.", speaker="Ann"),
        lambda n: memory.search("tea"),
        lambda n: memory.context("tea", budget_tokens=100),
    )
    threads = [threading.Thread(target=use, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    under_way.wait()
    memory.close()
    for thread in threads:
        thread.join()
    assert len(refused) == 3
    assert all("was closed" in reason for reason in refused)


def test_a_thread_that_keeps_a_memory_in_use_does_not_hold_up_closing_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr("ragkit.memory.store.CLOSE_SECONDS", 0.05)
    store = MemoryStore(tmp_path / "m.db")
    reading, done = threading.Event(), threading.Event()

    def read():
        with store.read() as connection:
            reading.set()
            done.wait()
            assert connection.execute("SELECT 1").fetchone() == (1,)

    thread = threading.Thread(target=read)
    thread.start()
    reading.wait()
    store.close()
    done.set()
    thread.join()
    with pytest.raises(StoreError, match="was closed"), store.read():
        pass
