"""Features: registered kernels, whole and streaming."""
