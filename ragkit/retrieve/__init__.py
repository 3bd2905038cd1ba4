"""Finding chunks: the lexical and the dense index, fusion of rankings, reranking, diversity, metadata filters."""
