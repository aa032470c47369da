"""A child: the indicators of `benchmarks.features` by pandas-ta-classic, over bars saved as [5, bars]."""

from __future__ import annotations

import json
import sys
import time
import warnings
from importlib.metadata import version

import numpy as np
import pandas as pd
import pandas_ta_classic as ta


def work(h: pd.Series, l: pd.Series, c: pd.Series, v: pd.Series) -> None:  # noqa: E741
    """All of them, its own code and not TA-Lib's behind it."""
    own = {"talib": False}
    ta.sma(c, 20, **own)
    ta.ema(c, 20, **own)
    ta.wma(c, 20, **own)
    ta.macd(c, 12, 26, 9, **own)
    ta.adx(h, l, c, 14)
    ta.rsi(c, 14, **own)
    ta.stoch(h, l, c, 14, 3, 3, **own)
    ta.bbands(c, 20, 2.0, **own)
    ta.stochf(h, l, c, 20, 1, **own)
    ta.atr(h, l, c, 14, **own)
    ta.stdev(c, 20, **own)
    ta.roc(c, 10, **own)
    ta.obv(c, v, **own)
    ta.mfi(h, l, c, v, 14, **own)
    ta.cci(h, l, c, 20, **own)
    ta.willr(h, l, c, 14, **own)
    ta.aroon(h, l, 14, **own)
    ta.dema(c, 20, **own)
    ta.tema(c, 20, **own)
    ta.trix(c, 20)
    ta.ppo(c, 12, 26, 9, **own)
    ta.cmo(c, 14, **own)


def main() -> None:
    """Processor seconds of the faster of two rounds."""
    warnings.simplefilter("ignore")
    index = pd.date_range("2020-01-01", periods=np.load(sys.argv[1]).shape[1], freq="min")
    _, *columns = (pd.Series(row, index) for row in np.load(sys.argv[1]))
    times = []
    for _ in range(2):
        begin = time.process_time()
        work(*columns)
        times.append(time.process_time() - begin)
    print(json.dumps({"seconds": min(times), "bars": len(index), "version": version("pandas-ta-classic")}))


if __name__ == "__main__":
    main()
