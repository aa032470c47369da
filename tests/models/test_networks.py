"""What every architecture promises: gradients everywhere, the same bits, no later bar, long windows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from gnomon.models.forecasting.networks.foundation import FoundationNetwork
from gnomon.models.forecasting.networks.nhits import NHiTSNetwork
from gnomon.models.forecasting.networks.patchtst import PatchTSTNetwork
from gnomon.models.forecasting.networks.tft import TFTNetwork
from gnomon.models.forecasting.networks.timesfm import DecoderShape, PatchedDecoder
from gnomon.models.neural.networks.base import Network
from gnomon.models.neural.networks.tcn import TCNNetwork
from gnomon.models.neural.networks.transformer import TransformerNetwork
from gnomon.models.scale.networks.mixture_of_experts import MixtureOfExpertsNetwork
from gnomon.models.scale.networks.omni_scale import OmniScaleNetwork
from gnomon.models.scale.networks.state_space import StateSpaceNetwork

FEATURES, LENGTH = 3, 24
Build = Callable[[int, int], Network]


def foundation(features: int, length: int) -> Network:
    shape = DecoderShape(patch=4, dim=8, inner=8, heads=2, head_dim=4, layers=2, frequencies=3)
    decoder = PatchedDecoder(shape, frequency=0, sinusoidal=True)
    return FoundationNetwork(features, length, decoder=decoder, series=2, width=8)


NETWORKS: dict[str, Build] = {
    "tcn": lambda f, n: TCNNetwork(f, n, channels=8, kernel=3, levels=None, dropout=0.1),
    "transformer": lambda f, n: TransformerNetwork(f, n, dim=8, heads=2, layers=2, dropout=0.1, tokens=64),
    "nhits": lambda f, n: NHiTSNetwork(f, n, series=2, rates=(8, 4, 1), hidden=8, width=8, dropout=0.1),
    "tft": lambda f, n: TFTNetwork(f, n, dim=8, heads=2, dropout=0.1),
    "patchtst": lambda f, n: PatchTSTNetwork(
        f, n, patch=8, stride=4, dim=8, heads=2, layers=2, width=8, dropout=0.1, revin=True
    ),
    "foundation": foundation,
    "omni_scale": lambda f, n: OmniScaleNetwork(f, n, channels=2, largest=31, width=8, dropout=0.1),
    "mixture_of_experts": lambda f, n: MixtureOfExpertsNetwork(
        f, n, dim=8, heads=2, layers=2, experts=4, top=2, balance=0.01, dropout=0.1, tokens=64
    ),
    "selective": lambda f, n: StateSpaceNetwork(f, n, core="selective", dim=8, layers=2, states=4, dropout=0.1),
    "s4d": lambda f, n: StateSpaceNetwork(f, n, core="s4d", dim=8, layers=2, states=4, dropout=0.1),
}
CAUSAL: dict[str, Callable[[Any, Tensor], Tensor]] = {
    **{name: lambda net, x: net.hidden(x) for name in ("tcn", "tft", "omni_scale", "selective", "s4d")},
    "foundation": lambda net, x: net.decoder.hidden(x[:, :, 0]),
}
"""The architectures whose steps see no later bar, and how to see the steps."""
SKIPPING: dict[str, Build] = {
    "nhits": lambda f, n: NHiTSNetwork(f, n, series=2, rates=(8, 4, 1), hidden=8, width=8, dropout=0.1, skip=True),
    "patchtst": lambda f, n: PatchTSTNetwork(
        f, n, patch=8, stride=4, dim=8, heads=2, layers=2, width=8, dropout=0.1, revin=True, skip=True
    ),
    "tft": lambda f, n: TFTNetwork(f, n, dim=8, heads=2, dropout=0.1, skip=True),
    "omni_scale": lambda f, n: OmniScaleNetwork(f, n, channels=2, largest=31, width=8, dropout=0.1, skip=True),
}
every = pytest.mark.parametrize("name", NETWORKS)


def made(name: str, length: int = LENGTH, seed: int = 1) -> Any:
    torch.manual_seed(seed)
    return NETWORKS[name](FEATURES, length)


def drawn(batch: int, length: int = LENGTH, seed: int = 2) -> Tensor:
    return torch.randn(batch, length, FEATURES, generator=torch.Generator().manual_seed(seed))


@every
def test_a_window_becomes_one_vector_of_the_stated_width(name: str) -> None:
    for length in (1, 2, 7, LENGTH):
        network = made(name, length).eval()
        assert network(drawn(5, length)).shape == (5, network.width)


@pytest.mark.parametrize("name", SKIPPING)
def test_a_skip_puts_the_last_bar_beside_the_vector(name: str) -> None:
    torch.manual_seed(1)
    network, plain, x = SKIPPING[name](FEATURES, LENGTH).eval(), made(name).eval(), drawn(5)
    plain.load_state_dict(network.state_dict())
    with torch.no_grad():
        vector, last = network(x).split([plain.width, FEATURES], dim=1)
        assert network.width == plain.width + FEATURES
        assert torch.equal(vector, plain(x))
        assert torch.equal(last, x[:, -1])


@every
def test_gradients_reach_every_parameter(name: str) -> None:
    network = made(name)
    loss = network(drawn(16)).square().sum()
    if getattr(network, "auxiliary_loss", None) is not None:
        loss = loss + network.auxiliary_loss
    loss.backward()
    dry = [label for label, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert not dry


@every
def test_the_same_seed_gives_the_same_bits_and_rows_stand_alone(name: str) -> None:
    first, second, x = made(name).eval(), made(name).eval(), drawn(8)
    with torch.no_grad():
        assert torch.equal(first(x), second(x))
        others = x.clone()
        others[1:] = drawn(7, seed=5)
        assert torch.equal(first(x)[0], first(others)[0])


@pytest.mark.parametrize("name", CAUSAL)
def test_a_step_sees_no_later_bar(name: str) -> None:
    network, x = made(name).eval(), drawn(4)
    with torch.no_grad():
        before = CAUSAL[name](network, x)
        for bar in (LENGTH - 1, 17, 5):
            changed = x.clone()
            changed[:, bar:] = 10.0 * drawn(4, seed=7)[:, bar:]
            after = CAUSAL[name](network, changed)
            kept = bar if name != "foundation" else bar // 4
            assert torch.equal(after[:, :kept], before[:, :kept])
            assert not torch.equal(after[:, kept:], before[:, kept:])


def test_the_check_for_later_bars_finds_a_net_that_sees_them() -> None:
    network, x = made("transformer").eval(), drawn(4)
    changed = x.clone()
    changed[:, -1] += 1.0
    with torch.no_grad():
        assert not torch.equal(network.hidden(changed)[:, :-1], network.hidden(x)[:, :-1])


@every
def test_the_first_bar_of_a_window_still_counts(name: str) -> None:
    # Seven bars are within the reach of all of them.
    network, x = made(name, 7).eval(), drawn(2, 7)
    changed = x.clone()
    changed[:, 0] += 3.0
    with torch.no_grad():
        assert not torch.equal(network(changed), network(x))


@every
def test_a_window_of_4096_bars_is_stable(name: str) -> None:
    network = made(name, 4096)
    out = network(drawn(2, 4096))
    out.square().sum().backward()
    assert torch.isfinite(out).all()
    assert out.detach().abs().max() < 1e3
    gradients = torch.cat([p.grad.flatten() for p in network.parameters()])
    assert torch.isfinite(gradients).all()
    assert gradients.norm() < 1e4


@every
def test_a_state_dict_holds_the_whole_net(name: str) -> None:
    first, second, x = made(name).eval(), made(name, seed=9).eval(), drawn(3)
    second.load_state_dict(first.state_dict())
    with torch.no_grad():
        assert torch.equal(first(x), second(x))
