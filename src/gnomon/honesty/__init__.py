"""Whole procedures on trial: planted leaks that some probe must find, and clean work that none may accuse."""

from gnomon.honesty.base import Case, CorpusReport, Finder, Verdict
from gnomon.honesty.corpus import run_corpus
from gnomon.honesty.lag import LagReport, one_bar_lag

__all__ = ["Case", "CorpusReport", "Finder", "LagReport", "Verdict", "one_bar_lag", "run_corpus"]
