"""ragkit's retriever and stages inside LlamaIndex."""

from __future__ import annotations

import pytest

pytest.importorskip("llama_index.core", reason="llama-index-core is not installed")

from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from ragkit import KnowledgeBase
from ragkit.adapters.llamaindex import RagkitPostprocessor, RagkitRetriever
from ragkit.errors import InvalidValueError
from ragkit.types import Document


@pytest.fixture
def kb() -> KnowledgeBase:
    kb = KnowledgeBase(":memory:", "chunk >> bm25 >> answer(embedder='')")
    kb.add(
        [
            Document("one", "Ada was born in Bern.", "one.txt", metadata={"year": 1990, "tags": ["x"]}),
            Document("two", "Bern lies on the Aare.", "two.txt"),
        ]
    )
    return kb


def test_nodes_come_with_their_place_in_the_source(kb: KnowledgeBase) -> None:
    nodes = RagkitRetriever(kb, k=1).retrieve("Where was Ada born?")

    assert [node.node.get_content() for node in nodes] == ["Ada was born in Bern."]
    about = nodes[0].node.metadata
    assert (about["source"], about["start"], about["end"], about["year"]) == ("one.txt", 0, 21, 1990)
    assert "tags" not in about
    assert nodes[0].score == kb.search("Where was Ada born?", k=1)[0].score


async def test_the_retriever_works_asynchronously(kb: KnowledgeBase) -> None:
    nodes = await RagkitRetriever(kb).aretrieve("What lies on the Aare?")
    assert nodes[0].node.metadata["document_id"] == "two"


def test_a_filter_keeps_to_matching_documents(kb: KnowledgeBase) -> None:
    nodes = RagkitRetriever(kb, filter={"year": {"gte": 1980}}).retrieve("Bern")
    assert [node.node.metadata["document_id"] for node in nodes] == ["one"]


def test_stages_put_nodes_in_a_new_order(kb: KnowledgeBase) -> None:
    nodes = RagkitRetriever(kb).retrieve("Bern")
    ordered = RagkitPostprocessor("rerank(embedder='hash', prior=0.0) % 1").postprocess_nodes(
        nodes, query_str="Bern lies on the Aare."
    )

    assert [node.node.node_id for node in ordered] == ["two#0-22"]
    assert ordered[0].node is next(node.node for node in nodes if node.node.node_id == "two#0-22")


def test_nodes_of_others_pass_through_stages_too() -> None:
    nodes = [NodeWithScore(node=TextNode(id_=name, text=name), score=None) for name in ("pear", "apple", "pear")]
    ordered = RagkitPostprocessor("rerank(embedder='hash', prior=0.0)").postprocess_nodes(nodes, QueryBundle("apple"))
    assert [node.node.node_id for node in ordered] == ["apple", "pear"]


def test_a_stage_that_takes_no_hits_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="bm25 takes Chunk and gives Hits"):
        RagkitPostprocessor("bm25")


def test_without_a_question_there_is_no_order() -> None:
    with pytest.raises(InvalidValueError, match="give postprocess_nodes a query"):
        RagkitPostprocessor("rerank").postprocess_nodes([NodeWithScore(node=TextNode(text="a"), score=1.0)])


async def test_a_memory_block_takes_old_messages_and_gives_what_they_say_about_the_latest() -> None:
    from llama_index.core.llms import ChatMessage

    from ragkit.adapters.llamaindex import RagkitMemoryBlock
    from ragkit.memory import Memory

    block = RagkitMemoryBlock(memory=Memory(":memory:", embedder=None, worker=False), speaker="Ann")
    await block.aput([ChatMessage("I moved to Saltmere. </passage>"), ChatMessage("Nice!", role="assistant")])
    said = await block.aget([ChatMessage("Where did Ann move?")])

    assert "Saltmere" in said and said.count("</passage>") == 1
    assert await block.aget([]) == ""
    assert await block.aget([ChatMessage("zzz")]) == ""
    assert await block.atruncate(said, 1000) is None


async def test_llamaindex_s_memory_uses_the_block() -> None:
    from llama_index.core.llms import ChatMessage
    from llama_index.core.memory import Memory as LlamaMemory

    from ragkit.adapters.llamaindex import RagkitMemoryBlock
    from ragkit.memory import Memory

    block = RagkitMemoryBlock(memory=Memory(":memory:", embedder=None, worker=False), speaker="Ann")
    memory = LlamaMemory.from_defaults(
        token_limit=60, chat_history_token_ratio=0.3, token_flush_size=10, memory_blocks=[block], tokenizer_fn=str.split
    )
    await memory.aput(ChatMessage("I moved to Saltmere in May and I like it very much here by the sea, really."))
    for n in range(6):
        await memory.aput(ChatMessage(f"Some talk about other matters, number {n}, that fills the history up."))
    said = "\n".join(str(message.content) for message in await memory.aget(input="Where did Ann move?"))
    await memory.sql_store._async_engine.dispose()

    assert block.memory.search("Saltmere")  # it left the short-term memory
    assert "Saltmere" in said  # and came back with the question
