"""Whole procedures on trial: planted leaks that some probe must find, and clean work that none may accuse.

The probes of labels, of walk-forward refits and of orders are here as well: they need whole pieces of the path.
"""

from gnomon.honesty.base import Case, CorpusReport, Finder, Verdict
from gnomon.honesty.corpus import run_corpus
from gnomon.honesty.labels import probe_labels
from gnomon.honesty.lag import LagReport, one_bar_lag
from gnomon.honesty.orders import probe_orders
from gnomon.honesty.path import TradingPath
from gnomon.honesty.refits import probe_refits

__all__ = [
    "Case",
    "CorpusReport",
    "Finder",
    "LagReport",
    "TradingPath",
    "Verdict",
    "one_bar_lag",
    "probe_labels",
    "probe_orders",
    "probe_refits",
    "run_corpus",
]
