"""An answerer that shouts the best passage. Installed, it is used as any stage: `chunk >> bm25 >> shout`."""

from ragkit.types import Answer, Citation, Hits


class Shout:
    """Answers with the best passage in capitals."""

    def answer(self, hits: Hits) -> Answer:
        """Shout, and cite what was shouted."""
        if not hits:
            return Answer("NOT FOUND IN THE SOURCES.", (), hits, found=False)
        best = hits[0].chunk
        return Answer(best.text.upper(), (Citation.of(best, 0, len(best.text)),), hits)
