"""Labels, behind the wall: what a model should have known."""
