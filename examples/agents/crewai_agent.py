"""CrewAI's memory in ragkit's file: what a crew learns stays in one SQLite file that you can back up and inspect.

Vectors come from ragkit's packaged model, so that the example runs offline.
"""

import os

os.environ.setdefault("CREWAI_DISABLE_TELEMETRY", "true")

from crewai import Memory

from ragkit.adapters.crewai import RagkitStorage
from ragkit.models.embedders import load_embedder


def main() -> None:
    embedder = load_embedder()
    memory = Memory(storage=RagkitStorage(":memory:"), embedder=lambda texts: embedder.embed(texts).tolist(), llm=None)
    for scope, text in (("/ann", "Ann moved to Saltmere in May."), ("/bob", "Bob keeps the lighthouse.")):
        memory.remember(text, scope=scope, categories=["people"], importance=0.5)
    memory.drain_writes()
    for match in memory.recall("Where does Ann live?", scope="/ann", depth="shallow"):
        print(f"{match.score:.2f}  {match.record.scope}  {match.record.content}")


if __name__ == "__main__":
    main()
