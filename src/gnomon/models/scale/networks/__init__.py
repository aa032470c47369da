"""The PyTorch modules of the nets, apart from their configs: only a fit or a loaded model imports them."""
