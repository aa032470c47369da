"""The slow twin: the ledger's rules in plain Python, written from the rules, against `simulate` on ragged markets."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gnomon.execution import (
    ExecutionConfig,
    Guardrail,
    MaxDailyLoss,
    MaxDrawdown,
    MaxPosition,
    MaxRollingLoss,
    MaxTurnover,
    StalePrice,
)
from gnomon.simulation import Simulation, simulate

YEAR_SECONDS = 365.25 * 86_400


class Twin:
    """One account, symbol by symbol, in dictionaries. `broken` names a rule to get wrong: the tests' control."""

    def __init__(
        self, execution: ExecutionConfig, guardrails: list[Guardrail], symbols: list[str], broken: str
    ) -> None:
        self.e, self.symbols, self.broken = execution, symbols, broken
        self.rails = {type(rail): rail for rail in guardrails}
        self.cash = execution.initial_cash
        self.held = dict.fromkeys(symbols, 0.0)
        self.last: dict[str, float] = {}
        self.due: dict[str, float] = {}
        self.queue: deque[dict[str, float]] = deque([{} for _ in range(execution.latency_bars)])
        self.time: Any = None
        self.alive = True
        self.equities = [execution.initial_cash]
        self.rows: list[dict[str, float]] = []
        self.fills: list[tuple[int, str, float, float, float]] = []
        self.still = dict.fromkeys(symbols, 0)
        self.moved_to: dict[str, float] = {}
        self.peak = execution.initial_cash
        self.flat_bars = {MaxDrawdown: 0.0, MaxRollingLoss: 0.0}
        self.flat_day: Any = None

    def worth(self, symbol: str) -> float:
        return self.held[symbol] * self.last.get(symbol, 0.0) * self.e.contract_multiplier

    def bar(self, t: int, time: Any, bars: dict[str, dict[str, float]], targets: dict[str, float], rates: Any) -> None:
        carried = turnover = costs = 0.0
        if self.alive:
            carried = self.carry(time, rates)
            turnover, costs = self.fill(t, bars)
            self.mark(bars)
            equity = self.cash + sum(map(self.worth, self.symbols))
            if equity <= 0.0:
                turnover += self.close_all(t)
            self.equities.append(equity)
            decided = dict(targets)
            if self.e.long_only:
                decided = {s: max(v, 0.0) for s, v in decided.items()}
            if self.alive:
                decided = self.guard(time, bars, decided, equity)
            self.queue.append(decided)
        self.time = time
        values = [self.worth(s) for s in self.symbols]
        self.rows.append(
            {
                "equity": self.cash + sum(values),
                "cash": self.cash,
                "gross": sum(map(abs, values)),
                "net": sum(values),
                "turnover": turnover,
                "costs": costs,
                "carry": carried,
            }
        )

    def carry(self, time: Any, rates: dict[str, float]) -> float:
        if self.time is None:
            return 0.0
        years = (time - self.time).total_seconds() / YEAR_SECONDS
        earned = self.cash * self.e.cash_rate * years
        for s in self.symbols:
            earned -= self.worth(s) * rates.get(s, 0.0)
            if self.held[s] < 0.0 and self.broken != "borrow":
                earned -= abs(self.worth(s)) * self.e.borrow_rate * years
        self.cash += earned
        return earned

    def fill(self, t: int, bars: dict[str, dict[str, float]]) -> tuple[float, float]:
        e = self.e
        for s, bar in bars.items():
            if bar["open"] is not None:
                self.last[s] = bar["open"]
        equity = self.cash + sum(map(self.worth, self.symbols))
        self.due.update(self.queue.popleft())
        if equity <= 0.0:
            return 0.0, 0.0
        room = e.max_gross - sum(abs(self.worth(s)) for s in self.symbols if s not in self.due) / equity
        asked = sum(map(abs, self.due.values()))
        scale = max(room, 0.0) / asked if asked > max(room, 0.0) and self.broken != "gross" else 1.0
        turnover = costs = 0.0
        for s in list(self.due):
            price = bars.get(s, {}).get("open")
            if price is None:
                continue
            target = self.due.pop(s)
            wanted = target * scale * equity / (price * e.contract_multiplier)
            if e.lot_size:
                wanted = self.lots(wanted)
            order = wanted - self.held[s]
            if abs(order) <= 1e-12 * max(abs(wanted), abs(self.held[s])):
                continue
            if abs(order) * price * e.contract_multiplier < e.min_notional:
                continue
            slippage = e.slippage_bps
            if e.slippage_model == "volume_share" or e.max_volume_share < math.inf:
                volume = bars[s]["volume"] or 0.0
                most = e.max_volume_share * volume if volume else 0.0
                if abs(order) > most:
                    if e.unfilled == "wait":
                        self.due[s] = target
                    order = math.copysign(self.lots(most) if e.lot_size else most, order)
                    if order == 0.0:
                        continue
                    wanted = self.held[s] + order
                if e.slippage_model == "volume_share":
                    slippage *= abs(order) / volume
            side = 1 if order > 0 else -1
            paid = max(price * (1 + side * (e.half_spread_bps + slippage) / 1e4), 0.0)
            if e.tick_size:
                ticks = paid / e.tick_size
                if abs(ticks - round(ticks)) > 1e-8 * max(1.0, abs(ticks)):
                    ticks = math.ceil(ticks) if (side > 0) != (self.broken == "tick") else math.floor(ticks)
                paid = round(ticks) * e.tick_size
            notional = abs(order) * paid * e.contract_multiplier
            fee = max(notional * e.fee_bps / 1e4, e.min_fee)
            self.cash -= side * notional + fee
            self.held[s] = wanted
            turnover += notional
            costs += fee + abs(order) * abs(paid - price) * e.contract_multiplier
            self.fills.append((t, s, order, paid, fee))
        return turnover, costs

    def lots(self, quantity: float) -> float:
        lots = abs(quantity) / self.e.lot_size
        nearest = round(lots)
        whole = nearest if abs(lots - nearest) <= 1e-9 else math.floor(lots)
        return math.copysign(whole * self.e.lot_size, quantity)

    def mark(self, bars: dict[str, dict[str, float]]) -> None:
        for s, bar in bars.items():
            if bar["close"] is not None:
                self.last[s] = bar["close"]

    def close_all(self, t: int) -> float:
        traded = 0.0
        for s in self.symbols:
            if self.held[s]:
                traded += abs(self.worth(s))
                self.cash += self.worth(s)
                self.fills.append((t, s, -self.held[s], self.last[s], 0.0))
                self.held[s] = 0.0
        self.alive = False
        return traded

    def guard(self, time: Any, bars: Any, decided: dict[str, float], equity: float) -> dict[str, float]:
        weight = {s: self.worth(s) / equity for s in self.symbols}
        if rail := self.rails.get(MaxPosition):
            for s in self.symbols:
                if abs(decided.get(s, weight[s])) > rail.limit:
                    decided[s] = math.copysign(rail.limit, decided.get(s, weight[s]))
        for s in self.symbols:
            close = bars.get(s, {}).get("close")
            fresh = close is not None and close != self.moved_to.get(s)
            self.still[s] = 0 if fresh else self.still[s] + 1
            if fresh:
                self.moved_to[s] = close
            if (rail := self.rails.get(StalePrice)) and self.still[s] >= rail.bars:
                decided.pop(s, None)
        moved = sum(abs(v - weight[s]) for s, v in decided.items())
        if (rail := self.rails.get(MaxTurnover)) and moved > rail.limit:
            decided = {s: weight[s] + (v - weight[s]) * rail.limit / moved for s, v in decided.items()}
        return dict.fromkeys(self.symbols, 0.0) if self.halted(time, equity) else decided

    def halted(self, time: Any, equity: float) -> bool:
        seconds = time.timestamp()
        today = math.ceil(seconds / 86_400)
        if rail := self.rails.get(MaxDailyLoss):
            if not hasattr(self, "today") or self.today != today:
                self.today, self.day_equity = today, self.equities[-2]
            if equity <= self.day_equity * (1 - rail.limit):
                self.flat_day = today
        flat = self.flat_day == today
        if rail := self.rails.get(MaxDrawdown):
            if self.flat_bars[MaxDrawdown] > 0:
                self.flat_bars[MaxDrawdown] -= 1
                if self.flat_bars[MaxDrawdown] == 0:
                    self.peak = equity
            if self.flat_bars[MaxDrawdown] == 0:
                self.peak = max(self.peak, equity)
                if equity <= self.peak * (1 - rail.limit):
                    self.flat_bars[MaxDrawdown] = rail.cooldown_bars or math.inf
            flat |= self.flat_bars[MaxDrawdown] > 0
        if rail := self.rails.get(MaxRollingLoss):
            if self.flat_bars[MaxRollingLoss] > 0:
                self.flat_bars[MaxRollingLoss] -= 1
            past = self.equities[max(len(self.equities) - 1 - rail.bars, 0)]
            if self.flat_bars[MaxRollingLoss] == 0 and equity <= past * (1 - rail.limit):
                self.flat_bars[MaxRollingLoss] = rail.cooldown_bars or rail.bars
            flat |= self.flat_bars[MaxRollingLoss] > 0
        return flat


def run_twin(
    bars: pl.DataFrame,
    targets: pl.DataFrame,
    execution: ExecutionConfig,
    guardrails: list[Guardrail],
    funding: pl.DataFrame | None,
    *,
    broken: str = "",
) -> Twin:
    symbols = sorted(bars["symbol"].unique())
    twin = Twin(execution, guardrails, symbols, broken)
    at: Any = defaultdict(dict)
    for row in bars.iter_rows(named=True):
        at[row["timestamp"]][row["symbol"]] = row
    wanted: Any = defaultdict(dict)
    for row in targets.iter_rows(named=True):
        if row["target"] is not None:
            wanted[row["timestamp"]][row["symbol"]] = row["target"]
    before = None
    for t, stamp in enumerate(sorted(at)):
        rates: dict[str, float] = defaultdict(float)
        for row in funding.iter_rows(named=True) if funding is not None else ():
            if (before is None or row["timestamp"] > before) and row["timestamp"] <= stamp:
                rates[row["symbol"]] += row["rate"]
        twin.bar(t, stamp, at[stamp], wanted[stamp], rates)
        before = stamp
    return twin


def assert_same(simulation: Simulation, twin: Twin) -> None:
    money = pytest.approx
    scale = 1e-9 * twin.e.initial_cash
    for name in ("equity", "cash", "gross", "net", "turnover", "costs"):
        assert simulation.equity[name].to_list() == money([r[name] for r in twin.rows], rel=1e-9, abs=scale), name
    assert simulation.carry.tolist() == money([r["carry"] for r in twin.rows], rel=1e-9, abs=scale)
    stamps = simulation.equity["timestamp"].to_list()
    ours = [(stamps.index(a), b, c, d, e) for a, b, c, d, e in simulation.fills.iter_rows()]
    theirs = sorted(twin.fills, key=lambda fill: fill[:2])
    ours.sort(key=lambda fill: fill[:2])
    assert [f[:2] for f in ours] == [f[:2] for f in theirs]
    for k in (2, 3, 4):
        assert [f[k] for f in ours] == money([f[k] for f in theirs], rel=1e-8, abs=1e-8)
    end = simulation.equity["timestamp"][-1]
    held = {r["symbol"]: r["quantity"] for r in simulation.positions.filter(timestamp=end).iter_rows(named=True)}
    assert held == money({s: q for s, q in twin.held.items() if q}, rel=1e-8, abs=1e-9)


executions = st.builds(
    ExecutionConfig,
    initial_cash=st.sampled_from([1_000.0, 250_000.0]),
    latency_bars=st.integers(1, 4),
    fee_bps=st.sampled_from([0.0, 10.0]),
    min_fee=st.sampled_from([0.0, 1.5]),
    half_spread_bps=st.sampled_from([0.0, 4.0]),
    slippage_bps=st.sampled_from([0.0, 6.0, 300.0]),
    slippage_model=st.sampled_from(["constant", "volume_share"]),
    max_volume_share=st.sampled_from([math.inf, 0.05, 0.7]),
    unfilled=st.sampled_from(["lapse", "wait"]),
    borrow_rate=st.sampled_from([0.0, 0.3]),
    cash_rate=st.sampled_from([0.0, 0.04]),
    max_gross=st.sampled_from([0.8, 1.0, 2.5, math.inf]),
    lot_size=st.sampled_from([0.0, 0.1, 1.0]),
    tick_size=st.sampled_from([0.0, 0.01, 0.5]),
    min_notional=st.sampled_from([0.0, 30.0]),
    long_only=st.booleans(),
    contract_multiplier=st.sampled_from([1.0, 5.0]),
)
guardrail_lists = st.tuples(
    st.sampled_from([None, MaxPosition(limit=0.3)]),
    st.sampled_from([None, MaxDrawdown(limit=0.05), MaxDrawdown(limit=0.05, cooldown_bars=3)]),
    st.sampled_from([None, MaxDailyLoss(limit=0.02)]),
    st.sampled_from([None, MaxRollingLoss(limit=0.04, bars=4), MaxRollingLoss(limit=0.03, bars=3, cooldown_bars=2)]),
    st.sampled_from([None, MaxTurnover(limit=0.4)]),
    st.sampled_from([None, StalePrice(bars=2)]),
).map(lambda rails: [rail for rail in rails if rail is not None])


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32),
    size=st.tuples(st.integers(1, 40), st.integers(1, 4)),
    execution=executions,
    guardrails=guardrail_lists,
    funded=st.booleans(),
)
def test_the_account_is_the_twins(
    market: Callable[..., Any],
    seed: int,
    size: tuple[int, int],
    execution: ExecutionConfig,
    guardrails: list[Guardrail],
    funded: bool,
) -> None:
    bars, targets, rates = market(seed, bars=size[0], symbols=size[1])
    if bars.is_empty():
        return
    funding = rates if funded and len(rates) else None
    simulation = simulate(bars, targets, execution, guardrails=guardrails, funding=funding)
    assert_same(simulation, run_twin(bars, targets, execution, guardrails, funding))


@pytest.mark.parametrize("broken", ["gross", "tick", "borrow"])
def test_a_twin_with_one_rule_wrong_is_told_apart(market: Callable[..., Any], broken: str) -> None:
    execution = ExecutionConfig(max_gross=0.8, tick_size=0.01, borrow_rate=0.3)
    bars, targets, _ = market(11, bars=40, symbols=3)
    simulation = simulate(bars, targets, execution)
    assert_same(simulation, run_twin(bars, targets, execution, [], None))
    with pytest.raises(AssertionError):
        assert_same(simulation, run_twin(bars, targets, execution, [], None, broken=broken))
