"""The look-ahead probe: whether any value of a function of bars depends on what came after it."""

from gnomon.data.probe.base import Leak, ProbeReport
from gnomon.data.probe.cuts import choose_cuts
from gnomon.data.probe.lookahead import probe_lookahead
from gnomon.data.probe.resampling import probe_resampling
from gnomon.data.probe.rounds import probe_changes
from gnomon.data.probe.sample import recent_bars

__all__ = ["Leak", "ProbeReport", "choose_cuts", "probe_changes", "probe_lookahead", "probe_resampling", "recent_bars"]
