"""ragkit for LlamaIndex: a retriever, a node postprocessor, and the agent memory as a memory block."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ragkit.adapters.fence import fenced
from ragkit.errors import InvalidValueError, require
from ragkit.knowledge_base import KnowledgeBase
from ragkit.memory import Context, Memory, Message
from ragkit.pipeline.expression import Expression
from ragkit.pipeline.parse import parse
from ragkit.pipeline.run import Runner
from ragkit.registry import lookup
from ragkit.types import Chunk, Hit, Hits, Query

require("llama_index.core", extra="llamaindex", purpose="the LlamaIndex adapter")

from llama_index.core.base.base_retriever import BaseRetriever  # noqa: E402
from llama_index.core.base.llms.types import ChatMessage  # noqa: E402
from llama_index.core.bridge.pydantic import Field, PrivateAttr  # noqa: E402
from llama_index.core.memory import BaseMemoryBlock  # noqa: E402
from llama_index.core.postprocessor.types import BaseNodePostprocessor  # noqa: E402
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode  # noqa: E402

if TYPE_CHECKING:
    from ragkit.types import Metadata


class RagkitRetriever(BaseRetriever):
    """Finds nodes with a knowledge base's pipeline, without its answerer; `k` nodes that match `filter`, best first.

    A node's metadata tell where it stands: `document_id`, `source`, `start`, `end`.
    """

    def __init__(self, knowledge_base: KnowledgeBase, *, k: int = 4, filter: Metadata | None = None) -> None:
        self.knowledge_base, self.k, self.filter = knowledge_base, k, filter
        super().__init__()

    @classmethod
    def from_path(cls, path: str | Path, pipeline: str | None = None, **settings: Any) -> Self:
        """A retriever over an existing store, with its own pipeline or another."""
        return cls(KnowledgeBase(path, pipeline, create=False), **settings)

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        hits = self.knowledge_base.search(query_bundle.query_str, k=self.k, filter=self.filter)
        return [node_of(hit) for hit in hits]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)


class RagkitPostprocessor(BaseNodePostprocessor):
    """Puts nodes through stages that take and give hits, such as `rerank % 5` or `mmr(balance=0.6) % 8`.

    Raises `InvalidValueError` when asked without a query, `PipelineError` when the stages do not fit.
    """

    stages: str = "rerank"
    _expression: Expression = PrivateAttr()
    _instances: dict[Any, Any] = PrivateAttr()

    def __init__(self, stages: Expression | str = "rerank", **rest: Any) -> None:
        expression = parse(stages) if isinstance(stages, str) else stages
        super().__init__(**{"stages": str(expression), **rest})
        self._expression = expression
        self._instances = {
            stage: lookup(stage.name).make(stage.options) for stage in dict.fromkeys(expression.stages())
        }
        for stage in self._instances:
            role = lookup(stage.name).role
            if (role.takes, role.gives) != ("Hits", "Hits"):
                raise InvalidValueError(f"{stage.name} takes {role.takes} and gives {role.gives}; hits are needed")

    @classmethod
    def class_name(cls) -> str:
        """The name LlamaIndex shows."""
        return "RagkitPostprocessor"

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        if query_bundle is None:
            raise InvalidValueError("nodes are put in order for a question; give postprocess_nodes a query")
        hits = hits_of(nodes, Query(query_bundle.query_str))
        result = Runner(self._instances).run(self._expression, [hits])[0]
        by_id = {node.node.node_id: node.node for node in nodes}
        return [_placed(hit, by_id) for hit in result]


class RagkitMemoryBlock(BaseMemoryBlock[str]):
    """The agent memory as a block of LlamaIndex's memory: old messages go in, what they say about the latest comes out.

    `budget_tokens` bounds what it gives; what it gives is dated, and fenced as data.
    """

    name: str = "RagkitMemory"
    memory: Memory
    budget_tokens: int = Field(default=600, ge=0)
    speaker: str = "user"

    async def _aget(self, messages: list[ChatMessage] | None = None, **block_kwargs: Any) -> str:
        said = [message.content for message in messages or [] if message.content]
        if not said:
            return ""
        return _fenced(await asyncio.to_thread(self.memory.context, said[-1], budget_tokens=self.budget_tokens))

    async def _aput(self, messages: list[ChatMessage]) -> None:
        said = [
            Message(
                message.content,
                self.speaker if message.role.value == "user" else message.role.value,
                message.role.value,
                session=message.additional_kwargs.get("session_id"),
            )
            for message in messages
            if message.content
        ]
        await asyncio.to_thread(self.memory.add_many, said)

    async def atruncate(self, content: str, tokens_to_truncate: int) -> str | None:
        """Less of the same: whole lines from its end are left out; None when nothing would be left."""
        lines = content.split("\n")
        head, body, end = lines[:2], lines[2:-1], lines[-1:]
        saved = 0
        while body and saved < tokens_to_truncate:
            saved += len(body.pop()) // 4 + 1
        return "\n".join([*head, *body, *end]) if body else None


def _fenced(context: Context) -> str:
    return fenced([{"kind": "memory", "text": context.text}]) if context.text else ""


def node_of(hit: Hit) -> NodeWithScore:
    """A hit as a node with its score."""
    chunk = hit.chunk
    plain = {
        key: value for key, value in chunk.metadata.items() if value is None or isinstance(value, str | int | float)
    }
    place = {"source": chunk.source, "document_id": chunk.document_id, "start": chunk.start, "end": chunk.end}
    hidden = ["document_id", "start", "end"]
    node = TextNode(
        id_=chunk.id,
        text=chunk.text,
        metadata={**plain, **place},
        excluded_embed_metadata_keys=hidden,
        excluded_llm_metadata_keys=hidden,
    )
    return NodeWithScore(node=node, score=float(hit.score))


def hits_of(nodes: Sequence[NodeWithScore], query: Query) -> Hits:
    """Nodes as hits, best first; nodes without text, and those that stand twice, are left out."""
    found: dict[str, Hit] = {}
    for place, scored in enumerate(nodes):
        text, metadata = scored.node.get_content(), dict(scored.node.metadata)
        if not text or scored.node.node_id in found:
            continue
        start = metadata.get("start")
        start = start if isinstance(start, int) and start >= 0 else 0
        owner = str(metadata.get("document_id") or scored.node.node_id)
        chunk = Chunk(scored.node.node_id, owner, start, start + len(text), text, metadata)
        found[chunk.id] = Hit(chunk, float(scored.score if scored.score is not None else -place))
    return Hits(query, tuple(sorted(found.values(), key=lambda hit: -hit.score)))


def _placed(hit: Hit, nodes: dict[str, Any]) -> NodeWithScore:
    """The node a hit came from, or a new one when a stage trimmed it."""
    known = nodes.get(hit.chunk.id)
    return NodeWithScore(node=known, score=float(hit.score)) if known is not None else node_of(hit)
