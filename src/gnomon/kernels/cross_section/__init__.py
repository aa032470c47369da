"""Panel kernels: where a symbol stands among all of a moment, how it moves with them, and what state they are in."""
