"""An agent that remembers: before each reply it recalls what bears on what was said, and adds both to its memory.

Run it anywhere, offline: python examples/memory_agent.py. With a chat model of yours in place of `reply` it talks.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from ragkit import KnowledgeBase
from ragkit.memory import Filters, Memory

HERS = Filters(speakers=("Ana",))
MONDAY = datetime(2025, 5, 5, 9, 0, tzinfo=UTC)
SAID = [
    (0, "I moved to Saltmere last month and rent a room above the bakery."),
    (0, "My sister Edda has a birthday on 14 May."),
    (1, "I adopted a cat yesterday, a grey one called Miso."),
    (9, "Which birthday was it that I must not forget?"),
    (9, "What did I tell you about my cat?"),
]


def reply(message: str, context: str) -> str:
    """What a chat model would do with the message and the context; here: quote the context, or listen."""
    if not message.endswith("?"):
        return "I will remember that."
    return f"You told me:\n{context}" if context else "You have not told me."


def main() -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder, "agent.db")
        with Memory(file, scope=("agent", "ana"), embedder="static", worker=False) as memory:
            for days, message in SAID:
                now, session = MONDAY + timedelta(days=days), f"day {days}"
                context = memory.context(message, k=2, at=now, budget_tokens=100, filters=HERS)
                answer = reply(message, context.text)
                print(f"Ana:   {message}\nAgent: {answer}\n")
                memory.add(message, speaker="Ana", time=now, session=session)
                # What the memory itself gave out is marked, so that no fact is ever made of it again.
                recalled = {"recalled": bool(context.found)}
                memory.add(answer, speaker="Agent", role="assistant", time=now, session=session, metadata=recalled)
            cat = memory.search("grey cat Miso", k=1)[0]
            print(f"forgotten: {memory.forget(cat.source_ids).messages} message, to the last byte\n")

        # The same file answers with citations, beside documents or, as here, alone.
        with KnowledgeBase(file, "memory(scope='agent/ana') >> answer") as kb:
            found = kb.ask("Where does Ana rent a room?")
            print(found.text, [citation.source for citation in found.citations])


if __name__ == "__main__":
    main()
