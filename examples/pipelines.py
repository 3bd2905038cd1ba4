"""One question through several pipelines over one store: what each puts first, and where the time goes."""

from pathlib import Path
from tempfile import TemporaryDirectory

from ragkit import KnowledgeBase
from ragkit.stages import bm25, dense, mmr, rerank, trigraph

DOCUMENTS = Path(__file__).parent / "documents"
QUESTION = "Who beat the captain of the Grey Heron in the final of the Varrin Chess Open?"
PIPELINES = {
    "words": bm25,
    "meaning": dense,
    "both, reranked": 0.4 * bm25 % 50 + 0.6 * dense % 50 >> rerank % 8,
    "graph of entities": trigraph,
    "graph and words, varied": (trigraph + bm25).fuse("minmax") >> mmr % 8,
}


def main() -> None:
    with TemporaryDirectory() as folder:
        for name, pipeline in PIPELINES.items():
            with KnowledgeBase(Path(folder, "varrin.db"), pipeline) as kb:
                kb.add(DOCUMENTS)  # read once; each pipeline adds the indexes that are not there yet
                explanation = kb.explain(QUESTION)
            found = [Path(hit.chunk.source).stem for hit in explanation.hits.best(3)]
            spent = [f"{record.stage} {record.seconds * 1000:.1f} ms" for record in explanation.stages]
            print(f"{name}: {', '.join(found)}\n    {'; '.join(spent)}")


if __name__ == "__main__":
    main()
