"""Market data in four ways: the embedded sample, a synthetic market, a CSV file, and what a refusal looks like.

Run it: python examples/data.py
"""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path

from gnomon.core.errors import DataError
from gnomon.data.digest import hash_bars
from gnomon.data.panel import write_market
from gnomon.data.read import read_bars
from gnomon.data.synthetic import Market


def main() -> None:
    """Reads, writes and refuses bars."""
    sample = read_bars("embedded", symbols=["SP500"], start="2018-01-01")
    print(f"embedded: {len(sample)} bars, the last one known at {sample['timestamp'][-1]}")

    market = Market(symbols=3, start=date(2019, 1, 1), end=date(2020, 1, 1), seed=7)
    with tempfile.TemporaryDirectory() as folder:
        table = write_market(market, Path(folder) / "market.csv")
        bars = read_bars(table.path, stamp="close")
        print(f"synthetic, through a CSV: {len(bars)} bars, same content: {hash_bars(bars) == table.digest}")

        # A stamp without a zone could be any clock's: it is refused, in words, until the zone is declared.
        prices = Path(folder) / "prices.csv"
        prices.write_text("Date,Open,High,Low,Close\n2020-01-02 09:30,10,11,9,10.5\n2020-01-02 09:31,10.5,12,10,11\n")
        reading = {"columns": {"timestamp": "Date"}, "stamp": "open", "symbol": "X", "constants": {"volume": 0}}
        try:
            read_bars(prices, **reading)
        except DataError as error:
            print(f"refused: {str(error).removeprefix(folder)}")
        minutes = read_bars(prices, **reading, zone="America/New_York")
        print(f"with its zone: known at {minutes['timestamp'].to_list()}")


if __name__ == "__main__":
    main()
