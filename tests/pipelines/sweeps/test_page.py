"""What came of a sweep, in words and as a page."""

import re

from optuna.trial import TrialState

from hemline.params import SweepSettings
from pipelines.sweeps.page import figures, importances, ranked, summary, write_page
from pipelines.sweeps.study import open_study

SPACE = {
    "a.lr": {"low": 0.0001, "high": 0.01, "log": True},
    "a.size": {"choices": ((64, 96), (96, 128))},
    "b.steps": {"low": 0, "high": 300, "step": 100},
}
VALUES = {"a": {"lr": 0.001, "size": [96, 128]}, "b": {"steps": 100}}


def swept(folder, objectives=("AP",), trials=12):
    """A study in which only `a.lr` matters, for AP, and only `b.steps`, for milliseconds."""
    settings = {
        "target": "train_estimator@aggregated",
        "trials": trials,
        "objectives": objectives,
        "space": SPACE,
    }
    study = open_study("s", SweepSettings.model_validate(settings), VALUES, "data", folder)
    while claim := study.claim():
        if claim.number == 3:
            study.give_up(claim, TrialState.FAIL, "the loss is <nan>")
        else:
            study.tell(
                claim, {"AP": 50 * claim.values["a.lr"], "milliseconds": 1.0 + claim.values["b.steps"]}
            )
    return study


def test_the_best_trial_comes_first_and_the_key_that_matters(tmp_path):
    study = swept(tmp_path)
    text = summary(study, importances(study))
    rows = [line.split("|") for line in text.splitlines() if line.startswith("|")]
    assert [cell.strip() for cell in rows[0][1:-1]] == ["trial", "AP", "lr", "size", "steps"]
    best = max((trial for trial in study.trials if trial.values), key=lambda trial: trial.values[0])
    assert rows[2][1].strip() == str(best.number + 1)
    shares = importances(study)
    assert max(shares, key=shares.get) == "a.lr" and shares["a.lr"] > 0.8
    assert abs(sum(shares.values()) - 1) < 1e-6
    assert "lr " in text.splitlines()[-1]


def test_failed_trials_have_no_place_in_the_ranking(tmp_path):
    study = swept(tmp_path)
    assert [trial.number for trial in ranked(study)].count(3) == 0 and len(ranked(study)) == 11


def test_the_page_needs_nothing_else_and_shows_every_trial(tmp_path):
    study = swept(tmp_path)
    page = write_page(study, importances(study)).read_text()
    assert not re.search(r"(src|href)=|https?://|<script", page)
    assert page.count("<figure>") == 1 + 1 + len(SPACE)  # history, importances, a slice for each key
    body = page[page.index("<tbody>") :]
    assert body.count("<tr") == 11 and body.count('class="best"') == 1
    assert "11 complete, 1 fail" in page
    assert "NaN" not in page and "nan" not in page


def test_a_trade_off_has_a_front(tmp_path):
    study = swept(tmp_path, objectives=("AP", "milliseconds"))
    (title, drawing), *_ = figures(study, importances(study))
    assert "trade-off" in title
    best = len(study.best)
    assert best > 1 and drawing.count('class="ours"') == best and drawing.count('class="theirs"') == 11 - best
    front = [trial.values for trial in ranked(study)[:best]]
    assert all(not (a[0] >= b[0] and a[1] <= b[1]) for a in front for b in front if a is not b)


def test_pruned_trials_are_drawn_where_they_were_left(tmp_path):
    settings = {"target": "ensemble", "trials": 3, "pruner": "median", "startup": 1, "space": SPACE}
    study = open_study("s", SweepSettings.model_validate(settings), VALUES, "data", tmp_path)
    study.tell(study.claim(), {"AP": 0.5})
    study.tell(study.claim(), {"AP": 0.4})
    pruned = study.claim()
    study.should_prune(pruned, 1, 0.1)
    study.give_up(pruned, TrialState.PRUNED)
    drawing = next(drawing for title, drawing in figures(study, {}) if "hollow" in title)
    assert drawing.count('class="pruned"') == 1 and drawing.count('class="ours"') == 2


def test_nothing_is_drawn_of_nothing(tmp_path):
    settings = SweepSettings.model_validate({"target": "ensemble", "trials": 2, "space": SPACE})
    study = open_study("s", settings, VALUES, "data", tmp_path)
    assert importances(study) == {} and list(figures(study, {})) == []
    assert "Trials, best first" in write_page(study, {}).read_text()
