"""A stage of your own: a class with the one method of its role, and a name.

This one takes hits and gives hits, so it may stand wherever `rerank` may. Its parameters come from its signature and
are checked, listed by `describe` and written in expressions like those of any other stage.
"""

from pathlib import Path

from ragkit import KnowledgeBase, stage
from ragkit.types import Hits

DOCUMENTS = Path(__file__).parent / "documents"


@stage("shortest")
class Shortest:
    """Puts short passages first."""

    def __init__(self, bonus: float = 1.0) -> None:
        self.bonus = bonus

    def rerank(self, hits: Hits) -> Hits:
        return hits.rescored(lambda hit: hit.score + self.bonus / len(hit.chunk.text), "shortest")


def main() -> None:
    with KnowledgeBase(":memory:", "load >> chunk >> bm25 % 20 >> shortest(bonus=500) >> answer") as kb:
        kb.add(DOCUMENTS)
        for hit in kb.search("Who cast the lens of the lighthouse?", k=3):
            print(f"{hit.score:7.2f}  {Path(hit.chunk.source).name}  {dict(hit.why)}")


if __name__ == "__main__":
    main()
