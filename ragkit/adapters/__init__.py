"""ragkit inside the frameworks people already use: one module for each, imported only when asked for.

| module | gives |
|---|---|
| `ragkit.adapters.langchain` | retriever, answers, tools, vector store, loader, compressor, chat history |
| `ragkit.adapters.langgraph` | the memory as a `BaseStore` |
| `ragkit.adapters.llamaindex` | retriever, node postprocessor, memory block |
| `ragkit.adapters.crewai`, `.autogen`, `.openai_agents` | the memory protocols of these |
| `ragkit.adapters.mcp` | a server of the Model Context Protocol |

What documents and memories say is passed on as data: fenced, numbered, with its source, and never as an instruction.
"""
