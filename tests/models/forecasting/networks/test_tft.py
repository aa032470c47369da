"""TFT: parameters and shapes worked by hand, its parts against their formulas, weights that can be read."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import elu, layer_norm

from gnomon.models.forecasting.networks import tft
from gnomon.models.forecasting.networks.tft import GatedResidual, InterpretableAttention, TFTNetwork, VariableSelection
from gnomon.models.neural.networks.base import parameter_count


def test_parameters_and_shapes(shape_table: Any) -> None:
    skip = (4 * 8 + 8) + 2 * 4
    residual = 2 * (4 * 4 + 4) + skip
    weigh = 2 * (3 * 3 + 3) + (3 * 6 + 6) + 2 * 3
    selection = weigh + 3 * (4 + 4 + 4 + 4 + 8 * 4 + 8) + 4 + 4
    lstm = 4 * (4 * 4 + 4 * 4 + 4 + 4)
    attention = 2 * (4 * 4 + 4) + (4 * 2 + 2) + 2 * 4
    network = TFTNetwork(3, 7, dim=4, heads=2, dropout=0.0)
    assert parameter_count(network) == selection + lstm + 3 * skip + 2 * residual + attention == 768
    parts = ("selection", "lstm", "lstm_gate", "enrich", "attention", "attention_gate", "reason", "last_gate")
    assert shape_table(network, torch.zeros(6, 7, 3), *parts) == {
        **dict.fromkeys(("selection", "lstm", "lstm_gate", "enrich"), (6, 7, 4)),
        **dict.fromkeys(("attention", "attention_gate", "reason", "last_gate", ""), (6, 4)),
    }


def test_variable_selection_is_its_formula(monkeypatch: Any) -> None:
    # Blocks of five bars, so that several meet.
    monkeypatch.setattr(tft, "BLOCK", 5)
    torch.manual_seed(0)
    selection, x = VariableSelection(3, 4, 0.0), torch.randn(2, 7, 3)
    mixed, weight = selection(x)
    torch.testing.assert_close(weight.sum(dim=-1), torch.ones(2, 7))
    bar, expected = x[1, 6], torch.zeros(4)
    for f in range(3):
        inside = elu(selection.first[f, :, 0] * bar[f] + selection.first_offset[f, :, 0])
        value, gate = (selection.gate[f] @ inside + selection.gate_offset[f, :, 0]).chunk(2)
        embedding = selection.embed[f, :, 0] * bar[f] + selection.embed_offset[f, :, 0]
        expected = expected + weight[1, 6, f] * layer_norm(embedding + value * torch.sigmoid(gate), (4,))
    torch.testing.assert_close(mixed[1, 6], expected * selection.scale + selection.offset)


def test_a_closed_gate_leaves_the_skip_alone() -> None:
    torch.manual_seed(0)
    residual, x = GatedResidual(4, 4, 0.0), torch.randn(5, 4)
    with torch.no_grad():
        residual.gated.gate.bias[4:] = -1e9
    torch.testing.assert_close(residual(x), layer_norm(x, (4,)))


def test_attention_is_the_mean_of_its_heads_over_one_value() -> None:
    torch.manual_seed(0)
    attention, x = InterpretableAttention(4, 2), torch.randn(1, 6, 4)
    said, weight = attention(x)
    query, key = attention.query(x[0, -1]), attention.key(x[0])
    heads = [torch.softmax(key[:, part] @ query[part] / 2**0.5, dim=0) for part in (slice(0, 2), slice(2, 4))]
    torch.testing.assert_close(weight[0], (heads[0] + heads[1]) / 2)
    torch.testing.assert_close(said[0], attention.out(weight[0] @ attention.value(x[0])))


def test_weights_of_features_and_bars_can_be_read() -> None:
    torch.manual_seed(0)
    network, x = TFTNetwork(3, 7, dim=4, heads=2, dropout=0.0).eval(), torch.randn(5, 7, 3)
    torch.testing.assert_close(network.variable_weights(x).sum(dim=-1), torch.ones(5, 7))
    torch.testing.assert_close(network.attention_weights(x).sum(dim=-1), torch.ones(5))
