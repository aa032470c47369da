"""Splits, behind the wall: folds whose training labels end before testing begins."""
