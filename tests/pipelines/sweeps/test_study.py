"""No trial is lost, doubled or one too many, whoever is killed."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from pathlib import Path

import pytest
from optuna.trial import TrialState

from hemline.errors import HemlineError
from hemline.params import SweepSettings
from pipelines.sweeps.study import (
    drawn_values,
    first_values,
    is_lost,
    open_study,
    read_study,
    repair,
    short_names,
)
from tests.integration.postgres import INSTALLED, postgresql

VALUES = {"a": {"lr": 0.001, "size": [96, 128]}, "b": {"flip": True}}
SETTINGS = {
    "target": "train_estimator@aggregated",
    "trials": 20,
    "startup": 5,
    "space": {
        "a.lr": {"low": 0.0001, "high": 0.01, "log": True, "paper": 0.005},
        "a.size": {"choices": ((64, 96), (96, 128))},
        "b.flip": {"choices": (True, False)},
    },
}


def settings(**changes):
    return SweepSettings.model_validate({**SETTINGS, **changes})


def study(folder, origin="data 1", **changes):
    return open_study("s", settings(**changes), VALUES, origin, folder)


def value(values):
    return values["a.lr"] * 100 + values["b.flip"]


def work(own, until=None):
    """Bring trials to their end; returns their numbers."""
    done = []
    while (until is None or len(done) < until) and (claim := own.claim()):
        own.tell(claim, {"AP": value(claim.values)})
        done.append(claim.number)
    return done


def test_the_papers_values_come_first_then_the_present_ones(tmp_path):
    own = study(tmp_path)
    first, second = own.claim(), own.claim()
    assert first.values == {"a.lr": 0.005, "a.size": (96, 128), "b.flip": True}
    assert second.values == {"a.lr": 0.001, "a.size": (96, 128), "b.flip": True}


def test_a_present_value_outside_of_the_space_is_not_forced_into_it():
    space = {"a.lr": {"low": 0.1, "high": 0.2}, "b.flip": {"choices": (True, False)}}
    assert list(first_values(settings(space=space), VALUES)) == [{"b.flip": True}]


def test_as_many_trials_as_wanted_and_later_more(tmp_path):
    assert work(study(tmp_path)) == list(range(20))
    assert work(study(tmp_path)) == []
    assert work(study(tmp_path, trials=23)) == [20, 21, 22]


def test_a_seed_draws_the_same_values_again(tmp_path):
    drawn = []
    for name in ("one", "two"):
        own = study(tmp_path / name)
        work(own)
        drawn.append([drawn_values(own.sweep, trial) for trial in own.trials])
    assert drawn[0] == drawn[1]
    assert len({values["a.lr"] for values in drawn[0]}) > 15
    other = study(tmp_path / "three", seed=1)
    work(other)
    assert [drawn_values(other.sweep, trial) for trial in other.trials][2:] != drawn[0][2:]


def test_fractions_have_four_digits(tmp_path):
    own = study(tmp_path)
    work(own)
    for trial in own.trials:
        lr = drawn_values(own.sweep, trial)["a.lr"]
        assert lr == float(f"{lr:.4g}")


WORKER = """
    import os, signal, sys, time
    sys.path[:0] = [{here!r}, {root!r}]
    from pathlib import Path
    from test_study import study, value
    own = study(Path(sys.argv[1]))
    left = int(sys.argv[2])  # trials until it is killed
    while claim := own.claim():
        with open("begun", "a") as log:
            log.write(f"{{claim.number}}\\n")
        left -= 1
        if left == 0:
            Path("killed").write_text(str(claim.number))
            own.should_prune(claim, 1, 0.5)
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.01)
        own.tell(claim, {{"AP": value(claim.values)}})
"""


def start(folder, kill_after=-1):
    here = os.path.dirname(__file__)
    code = textwrap.dedent(WORKER.format(here=here, root=str(Path(__file__).parents[3])))
    return subprocess.Popen([sys.executable, "-c", code, str(folder / "sweeps"), str(kill_after)], cwd=folder)


def test_two_workers_one_killed_and_resumed(tmp_path):
    workers = [start(tmp_path, kill_after=3)]
    while not (tmp_path / "begun").exists():  # it shall have three before the other has taken all
        assert workers[0].poll() is None
        time.sleep(0.01)
    workers.append(start(tmp_path))
    assert sorted(worker.wait(120) for worker in workers) == [-signal.SIGKILL, 0]
    if any(trial.state == TrialState.RUNNING for trial in study(tmp_path / "sweeps").trials):
        assert start(tmp_path).wait(120) == 0  # the other one had ended before
    own = study(tmp_path / "sweeps")
    assert [trial.number for trial in own.trials] == list(range(20))
    assert {trial.state for trial in own.trials} == {TrialState.COMPLETE}
    killed = (tmp_path / "killed").read_text()
    begun = Counter((tmp_path / "begun").read_text().split())
    assert begun == Counter({str(number): 2 if str(number) == killed else 1 for number in range(20)})
    assert own.trials[int(killed)].intermediate_values == {1: 0.5}


def test_many_workers_at_once_on_an_empty_folder(tmp_path):
    workers = [start(tmp_path) for _ in range(6)]
    assert [worker.wait(240) for worker in workers] == [0] * 6
    assert sorted(map(int, (tmp_path / "begun").read_text().split())) == list(range(20))
    drawn = [json.dumps(trial.params) for trial in study(tmp_path / "sweeps").trials]
    assert len(set(drawn)) > 15  # workers don't draw the same values side by side


@pytest.mark.skipif(not INSTALLED, reason="PostgreSQL is no Python package; the journal is tested without it")
def test_two_machines_share_a_database(tmp_path, monkeypatch):
    """Each has a folder of its own; the database alone keeps them apart."""
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    with postgresql() as address:
        monkeypatch.setenv("HEMLINE_SWEEP_STORAGE", f"postgresql://{address}")
        workers = [start(folder) for folder in folders for _ in range(2)]
        workers.append(start(folders[0], kill_after=1))
        assert sorted(worker.wait(240) for worker in workers) in ([0] * 5, [-signal.SIGKILL, 0, 0, 0, 0])
        begun = [int(number) for folder in folders for number in (folder / "begun").read_text().split()]
        own = study(tmp_path / "three")
        while claim := own.claim():  # the killed worker's, if it was the last one
            own.tell(claim, {"AP": 0.0})
        assert set(begun) <= set(range(20)) and len(begun) - len(set(begun)) <= 1
        assert [trial.state for trial in own.trials] == [TrialState.COMPLETE] * 20
    assert not list(tmp_path.rglob("journal.log"))


def test_another_database_than_postgresql_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("HEMLINE_SWEEP_STORAGE", "mysql://me:secret@host/sweeps")
    with pytest.raises(HemlineError, match="is 'mysql://host/sweeps': give postgresql") as error:
        study(tmp_path)
    assert "secret" not in str(error.value)


def test_a_database_that_is_down_is_told_in_a_line(tmp_path, monkeypatch):
    monkeypatch.setenv("HEMLINE_SWEEP_STORAGE", "postgresql://me:secret@127.0.0.1:9/sweeps")
    with pytest.raises(
        HemlineError, match=r"STORAGE: 'postgresql://127\.0\.0\.1:9/sweeps' is not reached: .*refused"
    ) as error:
        study(tmp_path)
    assert "secret" not in str(error.value)


def test_a_trial_of_a_worker_that_lives_is_left_alone(tmp_path):
    own = study(tmp_path)
    claim = own.claim()
    assert not is_lost(own.trials[claim.number])
    assert study(tmp_path).claim().number == 1


def test_a_worker_elsewhere_is_gone_when_it_was_not_seen_for_minutes(tmp_path):
    own = study(tmp_path)
    claim = own.claim()
    claim.trial.set_user_attr("worker", {"host": "elsewhere", "pid": 1, "since": 0.0})
    assert not is_lost(own.trials[0])
    claim.trial.set_user_attr("seen", time.time() - 301)
    assert is_lost(own.trials[0])
    taken = study(tmp_path).claim()
    assert (taken.number, taken.resumed, taken.values) == (0, True, claim.values)


def test_the_last_line_cut_short_is_repaired(tmp_path):
    work(study(tmp_path), until=5)
    journal = tmp_path / "s/journal.log"
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-7])  # a kill in the middle of the last trial's result
    assert work(study(tmp_path)) == list(range(5, 20))  # with the torn line Optuna could add none
    assert (tmp_path / "s/journal.log.torn").read_bytes() == whole[:-7][whole[:-7].rfind(b"\n") + 1 :]
    states = [trial.state for trial in study(tmp_path).trials]
    assert states == [TrialState.COMPLETE] * 4 + [TrialState.RUNNING] + [TrialState.COMPLETE] * 15


def test_a_whole_journal_is_left_as_it_is(tmp_path):
    work(study(tmp_path), until=3)
    journal = tmp_path / "s/journal.log"
    before = journal.read_bytes()
    repair(journal)
    assert journal.read_bytes() == before and not (tmp_path / "s/journal.log.torn").exists()


def test_a_full_line_of_rubbish_at_the_end_is_cut_off(tmp_path):
    work(study(tmp_path), until=3)
    journal = tmp_path / "s/journal.log"
    before = journal.read_bytes()
    journal.write_bytes(before + b'{"op_code": 4, "work\n')
    repair(journal)
    assert journal.read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"origin": "data 2"}, "other data or code"), ({"startup": 6}, "other settings .*startup")],
)
def test_trials_of_something_else_are_refused(tmp_path, changes, said):
    work(study(tmp_path), until=2)
    with pytest.raises(HemlineError, match=said):
        study(tmp_path, **changes)
    assert len(study(tmp_path).trials) == 2


def test_an_earlier_result_is_found_by_identity_and_taken_over(tmp_path):
    own = study(tmp_path)
    first, second = own.claim(), own.claim()
    assert own.same("x") is None
    first.trial.set_user_attr("identity", "x")
    assert own.same("x") is None  # it has not ended
    own.should_prune(first, 1, 0.3)
    own.tell(first, {"AP": 0.4})
    own.repeat(second, own.same("x"))
    assert own.trials[1].values == [0.4] and own.trials[1].intermediate_values == {1: 0.3}
    assert own.trials[1].user_attrs["repeats"] == 0


def test_a_bad_curve_is_pruned_a_good_one_is_not(tmp_path):
    own = study(tmp_path, pruner="median", startup=2)
    for _ in range(2):
        claim = own.claim()
        assert not own.should_prune(claim, 1, 0.5)
        own.tell(claim, {"AP": 0.5})
    bad, good = own.claim(), own.claim()
    assert own.should_prune(bad, 1, 0.4)
    own.give_up(bad, TrialState.PRUNED)
    assert not own.should_prune(good, 1, 0.6)


def test_two_objectives_have_several_best_trials(tmp_path):
    own = study(tmp_path, objectives=("AP", "milliseconds"))
    for ap, milliseconds in ((0.5, 10.0), (0.4, 5.0), (0.4, 11.0)):
        own.tell(own.claim(), {"AP": ap, "milliseconds": milliseconds})
    assert sorted(trial.number for trial in own.best) == [0, 1]


def test_a_resumed_study_has_the_same_run_in_mlflow_and_a_new_one_another(tmp_path):
    assert study(tmp_path / "one").key == study(tmp_path / "one").key != study(tmp_path / "two").key


def test_a_study_can_be_read_without_params(tmp_path):
    work(study(tmp_path))
    read = read_study("s", tmp_path)
    assert read.sweep == settings() and len(read.trials) == 20
    with pytest.raises(HemlineError, match="no such study"):
        read_study("t", tmp_path)


def test_short_names_tell_keys_apart():
    keys = ["a.training.lr", "b.training.lr", "c.size"]
    assert short_names(keys) == {
        "a.training.lr": "a.training.lr",
        "b.training.lr": "b.training.lr",
        "c.size": "size",
    }
    assert short_names(["ensemble.weights.1"]) == {"ensemble.weights.1": "weights.1"}
    assert short_names(["a.x.lr", "a.y.lr"]) == {"a.x.lr": "x.lr", "a.y.lr": "y.lr"}
