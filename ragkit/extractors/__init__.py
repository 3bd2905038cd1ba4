"""Extractors: the parts of a page or of a hidden state that matter."""
