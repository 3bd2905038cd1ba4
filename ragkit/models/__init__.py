"""Models: embedders, packaged or by name, and chat models. None is loaded before its first use."""
