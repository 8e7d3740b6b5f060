"""A plan's schedule, computed by hand, and how it is shown."""

import json

import pytest

from hemline.errors import HemlineError
from pipelines.graph import Stage
from pipelines.plan import Plan, Planned


def planned(name, upstream=(), cost=0.0, depth=0.0, why=("never run",), seconds=None):
    return Planned(Stage(name, upstream), not why, why, seconds, cost, depth)


def plan_of(*stages):
    return Plan({stage.stage.name: stage for stage in stages})


def test_the_schedule_by_hand():
    """Two slots: short 0-1 beside long 0-4; then mid 1-3, tail 4-6 and last 3-8: by depth, not by order."""
    plan = plan_of(
        planned("done", why=()),
        planned("last", ("done",), cost=5, depth=1),
        planned("short", cost=1, depth=7),
        planned("mid", ("short",), cost=2, depth=4),
        planned("long", cost=4, depth=6),
        planned("tail", ("mid", "long"), cost=2, depth=2),
    )
    assert plan.seconds(1) == 14
    assert plan.seconds(2) == 8
    assert plan.seconds(3) == plan.seconds(99) == 6
    with pytest.raises(HemlineError, match="slots: 0: must be 1 or more"):
        plan.seconds(0)


def test_text():
    plan = plan_of(
        planned("first", why=()),
        planned("second@long-name", ("first",), 720, 726, ("x changed", "command changed"), 720),
        planned("third", ("second@long-name",), 6, 6, tuple("abcde")),
    )
    assert plan.text(1).splitlines() == [
        "stage                     minutes  why",
        "first             cached",
        "second@long-name  run          12  x changed",
        "                                   command changed",
        "third             run        ~0.1  a",
        "                                   b",
        "                                   c",
        "                                   and 2 more",
        "",
        "2 of 3 stages would run, 1 is up to date; about 12 min on 1 slot"
        " (1 estimate from earlier runs, 1 guessed)",
    ]


def test_dict():
    plan = plan_of(planned("first", why=()), planned("second", ("first",), 10, 10, ("command changed",)))
    assert json.loads(json.dumps(plan.to_dict())) == {
        "stages": {
            "first": {
                **{
                    "upstream": [],
                    "device": "cpu",
                    "gpus": 1,
                    "timeout_minutes": None,
                    "cached": True,
                    "why": [],
                },
                **{"seconds": None, "cost": 0.0, "depth": 0.0},
            },
            "second": {
                **{
                    "upstream": ["first"],
                    "device": "cpu",
                    "gpus": 1,
                    "timeout_minutes": None,
                    "cached": False,
                },
                **{"why": ["command changed"], "seconds": None, "cost": 10, "depth": 10},
            },
        },
        "to_run": ["second"],
        "cached": ["first"],
        "missing": [],
    }
