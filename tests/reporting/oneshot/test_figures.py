"""Figure 1 has every row whose speed is known, where it belongs."""

import math
import re
from dataclasses import replace

from hemline.reporting import paper as paper_000
from hemline.reporting.oneshot.evidence import gather
from hemline.reporting.oneshot.figures import key, speed_figures
from hemline.reporting.oneshot.systems import contenders

TITLE = re.compile("<title>(.*?)</title>")
DOT = re.compile(r'<title>(.*?)</title>.*?<circle class="([\w-]+)" cx="([\d.]+)" cy="([\d.]+)"')


def drawn(world, whole=False):
    evidence = gather(world.oneshot_inputs())
    if whole:
        counts = {entry.name: entry.validation for entry in paper_000.CATEGORIES}
        evidence = replace(evidence, validation=replace(evidence.validation, categories=counts))
    found = contenders(evidence, (), ())
    return speed_figures(evidence, found), key(evidence, found)


def all_speeds(world):
    """In params.yaml's order 10, 20, ... ms."""
    rows = [*world.oneshot, *(row for row in world.rows if row != "ground-truth-aggregated")]
    world.speeds(**{row.replace("-", "_"): 10.0 * (place + 1) for place, row in enumerate(rows)})


def test_all_rows_of_both_systems_are_there(world):
    all_speeds(world)
    figures, names = drawn(world)
    titles = [title for title, _ in figures]
    assert titles == ["Landmark AP, ours", "Box AP, ours", "Landmark AP, the paper's", "Box AP, the paper's"]
    dots = DOT.findall(figures[0][1])
    assert len(dots) == 17 and [kind for _, kind, _, _ in dots] == ["ours"] * 10 + ["before"] * 7
    assert dots[4][0] == "DLA, single: AP 0.240, 50 ms"
    assert dots[-1][0] == "ensemble (two-stage): AP 0.470, 170 ms"
    assert DOT.findall(figures[1][1])[4][0] == "DLA, single: AP 0.340, 50 ms"
    assert [name for name, _ in names] == [*(str(number) for number in range(1, 18)), *"abcd"]
    assert names[4] == ("5", "DLA, single") and names[16] == ("17", "ensemble (two-stage)")
    shown = re.findall(r'class="number"[^>]*>(\w+)<', figures[0][1])
    assert sorted(shown, key=int) == [str(number) for number in range(1, 18)]


def test_speed_is_on_a_logarithmic_axis(world):
    all_speeds(world)
    across = [float(x) for _, _, x, _ in DOT.findall(drawn(world)[0][0][1])]
    steps = [(across[place] - across[0]) / math.log(place + 1) for place in (1, 3, 9)]
    assert max(steps) - min(steps) < 0.2
    up = [float(y) for *_, y in DOT.findall(drawn(world)[0][0][1])]
    assert up[:10] == sorted(up[:10], reverse=True)  # AP grows by a hundredth a row


def test_one_network_at_its_sizes_is_joined_smallest_first(world):
    all_speeds(world)
    drawing = drawn(world)[0][0][1]
    ((points,),) = [re.findall('<polyline class="ours-line" points="([^"]+)"', drawing)]
    at = {words.split(":")[0]: f"{x},{y}" for words, _, x, y in DOT.findall(drawing)}
    assert points.split() == [
        at["DLA at 32 × 32, single"],
        at["DLA at 64 × 64, single"],
        at["DLA, single"],
    ]


def test_the_papers_dots_are_tables_5_and_6(world):
    all_speeds(world)
    figures, _ = drawn(world)
    assert TITLE.findall(figures[2][1]) == [
        "paper, DLA, single: AP 0.432, 35 ms",
        "paper, DLA, fusion: AP 0.448, 216 ms",
        "paper, Hourglass, single: AP 0.512, 76 ms",
        "paper, Hourglass, fusion: AP 0.532, 315 ms",
    ]
    assert TITLE.findall(figures[3][1])[1] == "paper, DLA, fusion: AP 0.686, 216 ms"


def test_on_the_papers_data_they_stand_among_ours(world):
    all_speeds(world)
    figures, _ = drawn(world, whole=True)
    assert len(figures) == 2 and figures[0][1].count('circle class="theirs"') == 4 + 1  # and the legend's


def test_names_stand_apart_even_where_dots_do_not(world):
    """All rows at nearly the same place: no name covers another."""
    rows = [*world.oneshot, *(row for row in world.rows if row != "ground-truth-aggregated")]
    world.speeds(**{row.replace("-", "_"): 100.0 + place for place, row in enumerate(rows)})
    drawing = drawn(world)[0][0][1]
    found = re.findall(r'class="number" x="([\d.-]+)" y="([\d.-]+)"[^>]*>(\w+)<', drawing)
    boxes = [(float(x), float(y), 6 * len(name)) for x, y, name in found]
    apart = [
        abs(a[0] - b[0]) >= (a[2] + b[2]) / 2 or abs(a[1] - b[1]) >= 9
        for place, a in enumerate(boxes)
        for b in boxes[:place]
    ]
    assert len(boxes) == 17 and all(apart)


def test_without_speeds_there_is_no_figure(world):
    assert drawn(world)[0] == []
    world.speeds(dla_single=30)
    figures, names = drawn(world)
    assert len(DOT.findall(figures[0][1])) == 1 and names[0] == ("5", "DLA, single")
