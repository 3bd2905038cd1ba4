"""An agent's side of the Model Context Protocol: it starts `ragkit mcp` and asks it over standard input and output.

Any client does the same with this command: `ragkit --db notes.db mcp`.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

from ragkit import KnowledgeBase

DOCUMENTS = Path(__file__).parent.parent / "documents"


async def talk(db: Path) -> None:
    server = StdioServerParameters(command=sys.executable, args=["-m", "ragkit", "--db", str(db), "mcp"])
    async with stdio_client(server) as (reading, writing), ClientSession(reading, writing) as session:
        await session.initialize()
        print("tools:", ", ".join(tool.name for tool in (await session.list_tools()).tools))
        asked = await session.call_tool("ask", {"question": "Who cast the lens of the lighthouse?"})
        print(asked.content[0].text)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        db = Path(folder) / "notes.db"
        with KnowledgeBase(db, "bm25 >> rerank >> answer") as kb:
            kb.add(DOCUMENTS)
        asyncio.run(talk(db))


if __name__ == "__main__":
    main()
