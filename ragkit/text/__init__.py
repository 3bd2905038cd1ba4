"""Text: reading it from files, cutting it into sentences, tokens and chunks."""
