"""The PDF: clean pages, the same bytes, no date."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from gnomon.reporting.base import ReportContent
from gnomon.reporting.pdf import _columns, shortened, to_pdf, width_of, wrapped


def test_a_whole_report(noise: ReportContent) -> None:
    data = to_pdf(noise)
    assert data.startswith(b"%PDF-1.")
    assert 6 <= len(re.findall(rb"/Type /Page\b", data)) <= 16


def test_the_same_content_gives_the_same_bytes_without_a_date(idle: ReportContent, edge: ReportContent) -> None:
    first = to_pdf(idle)
    # Another report in between: nothing that matplotlib keeps may show.
    assert to_pdf(edge) != first
    assert to_pdf(idle) == first
    assert b"CreationDate" not in first
    assert b"ModDate" not in first


def test_words_are_as_wide_as_matplotlib_draws_them() -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    canvas = Figure(figsize=(8, 8), dpi=400)
    FigureCanvasAgg(canvas)
    for bold in (False, True):
        text = canvas.text(
            0,
            0,
            "1.64 ± 0.86 (T 500, N 2)",
            fontsize=7.4,
            family="DejaVu Sans",
            fontweight="bold" if bold else "normal",
        )
        drawn = text.get_window_extent(canvas.canvas.get_renderer()).width / 400.0
        assert abs(width_of("1.64 ± 0.86 (T 500, N 2)", 7.4, bold=bold) / drawn - 1.0) < 0.03


@given(st.text(alphabet="abc WMil-", max_size=200), st.floats(min_value=0.5, max_value=4.0))
def test_wrapped_lines_fit_and_lose_nothing(text: str, width: float) -> None:
    lines = wrapped(text, 9.0, width)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(width_of(line, 9.0) <= width or len(line) == 1 for line in lines)


def test_a_long_title_is_cut_with_dots() -> None:
    assert shortened("short", 9.0, 2.0) == "short"
    assert shortened("many words in a title that goes on", 9.0, 1.0).endswith(" …")


def test_a_table_that_is_too_wide_is_wrapped_then_made_smaller() -> None:
    numeric = [False, True, True]
    size, widths = _columns(["a", "b", "c"], [["word", "1.0", "2.0"]], numeric)
    assert size == 7.4
    assert abs(sum(widths) - 6.77) < 1e-9
    size, widths = _columns(["a", "b", "c"], [["many words " * 20, "1.0", "2.0"]], numeric)
    assert size == 7.4
    assert sum(widths) <= 6.77 + 1e-9
    wide = ["1234567890.12"] * 12
    size, _ = _columns([*wide], [wide], [True] * 12)
    assert size < 7.4
