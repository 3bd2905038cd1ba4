"""A LlamaIndex query engine over your documents: ragkit finds, puts in order, and LlamaIndex's model writes.

The model here repeats what it is given, so that the example runs offline; put a real one in its place.
"""

from pathlib import Path

from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers import ResponseMode, get_response_synthesizer

from ragkit import KnowledgeBase
from ragkit.adapters.llamaindex import RagkitPostprocessor, RagkitRetriever

DOCUMENTS = Path(__file__).parent.parent / "documents"
QUESTION = "Who cast the lens of the lighthouse?"


def main() -> None:
    with KnowledgeBase(":memory:", "bm25 >> answer") as kb:
        kb.add(DOCUMENTS)
        engine = RetrieverQueryEngine(
            RagkitRetriever(kb, k=10),
            response_synthesizer=get_response_synthesizer(llm=MockLLM(), response_mode=ResponseMode.COMPACT),
            node_postprocessors=[RagkitPostprocessor("rerank % 2")],
        )
        response = engine.query(QUESTION)
        print(response)
        for node in response.source_nodes:
            about = node.metadata
            print(f"{node.score:.3f}  {Path(about['source']).name}, characters {about['start']} to {about['end']}")


if __name__ == "__main__":
    main()
