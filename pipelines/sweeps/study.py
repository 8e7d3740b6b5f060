"""An Optuna study shared by workers: no trial is lost, doubled, or one too many, whoever is killed.

A worker claims one trial at a time under a lock. It signs for it; a trial whose worker is gone is claimed by the next
one, with its number, its values and what it reported. Trials live in a journal file beside the lock, or, for workers on
several machines, in the database that HEMLINE_SWEEP_STORAGE names.
"""

import json
import os
import socket
import threading
import time
import uuid
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import optuna
import psutil
from filelock import FileLock
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy import Connection, NullPool, create_engine, text
from sqlalchemy.exc import OperationalError

from hemline.errors import HemlineError, without_password
from hemline.params import Dimension, SweepSettings, tuples, value_at

FOLDER = Path("sweeps")
DIRECTIONS = {"AP": "maximize", "milliseconds": "minimize"}
ENDED = (TrialState.COMPLETE, TrialState.PRUNED)

# A worker on another machine shows once a minute that it lives; five times in vain, and it is taken for gone.
SEEN_SECONDS = 60.0
GONE_SECONDS = 300.0


@dataclass(frozen=True)
class Claim:
    """A trial that is this worker's: `values` are those of the searched keys; `resumed`: another worker began it."""

    trial: Trial
    values: dict[str, Any]
    resumed: bool

    @property
    def number(self) -> int:
        """From 0."""
        return self.trial.number


class Study:
    """The trials of one sweep, in its folder."""

    def __init__(self, name: str, sweep: SweepSettings, study: optuna.Study, folder: Path) -> None:
        self.name, self.sweep, self.study, self.folder = name, sweep, study, folder

    @property
    def key(self) -> str:
        """Names the sweep's run in MLflow, however often it is resumed; one that was begun anew has another."""
        return f"sweep-{self.name}-{self.study.user_attrs['id']}"

    @property
    def trials(self) -> list[FrozenTrial]:
        """All of them, by number."""
        return self.study.get_trials(deepcopy=False)

    def claim(self) -> Claim | None:
        """The next trial for this worker: one that was given up, else a new one. None: there are as many as wanted."""
        with claim_lock(self.folder):
            trials = self.trials
            lost = next(
                (trial for trial in trials if trial.state == TrialState.RUNNING and is_lost(trial)), None
            )
            begun = sum(trial.state != TrialState.WAITING for trial in trials)
            if lost is None and begun >= self.sweep.trials:
                return None
            self.study.sampler = self._sampler(begun if lost is None else lost.number)
            # A trial is gone on with by its id: Optuna itself would have it fail, and begin another.
            trial = self.study.ask() if lost is None else Trial(self.study, lost._trial_id)
            sign(trial)
            return Claim(trial, self._values(trial), lost is not None)

    def _values(self, trial: Trial) -> dict[str, Any]:
        """Draw what the trial has no value of yet."""
        for key, space in self.sweep.space.items():
            suggest(trial, key, space)
        return drawn_values(self.sweep, trial)

    def _sampler(self, number: int) -> optuna.samplers.BaseSampler:
        """A trial's own: with one seed for all, workers would draw the same values side by side."""
        seed = self.sweep.seed * 100_003 + number
        if self.sweep.sampler == "random":
            return optuna.samplers.RandomSampler(seed=seed)
        return optuna.samplers.TPESampler(
            seed=seed, n_startup_trials=self.sweep.startup, constant_liar=len(self.sweep.objectives) == 1
        )

    def should_prune(self, claim: Claim, step: int, value: float) -> bool:
        """Report an epoch's value; whether the trial is worse than the median of the others at this epoch."""
        if len(self.sweep.objectives) > 1:
            return False
        if step not in self.reported(claim):  # a resumed training may repeat an epoch
            claim.trial.report(value, step)
        self.study.pruner = self._pruner
        return claim.trial.should_prune()

    def reported(self, claim: Claim) -> dict[int, float]:
        """What a trial has reported, by epoch: also by the worker that began it."""
        return dict(self.trials[claim.number].intermediate_values)

    @cached_property
    def _pruner(self) -> optuna.pruners.BasePruner:
        if self.sweep.pruner == "none":
            return optuna.pruners.NopPruner()
        return optuna.pruners.MedianPruner(n_startup_trials=self.sweep.startup)

    def same(self, identity: str) -> FrozenTrial | None:
        """A trial that ended with this identity: its result is the result."""
        return next(
            (
                trial
                for trial in self.trials
                if trial.state in ENDED and trial.user_attrs.get("identity") == identity
            ),
            None,
        )

    def tell(self, claim: Claim, values: Mapping[str, float]) -> None:
        """The trial's result, by objective."""
        self.study.tell(claim.trial, [values[name] for name in self.sweep.objectives])

    def repeat(self, claim: Claim, earlier: FrozenTrial) -> None:
        """The result of an earlier trial of the same identity."""
        claim.trial.set_user_attr("repeats", earlier.number)
        for step, value in earlier.intermediate_values.items():
            claim.trial.report(value, step)
        self.study.tell(claim.trial, earlier.values, state=earlier.state)

    def give_up(self, claim: Claim, state: TrialState, reason: str = "") -> None:
        """End a trial without a result: PRUNED, or FAIL with its reason."""
        if reason:
            claim.trial.set_user_attr("reason", reason[:1000])
        self.study.tell(claim.trial, state=state)

    @property
    def best(self) -> list[FrozenTrial]:
        """The best trial; with two objectives those that none beats in both. Empty before one has ended."""
        if not any(trial.state == TrialState.COMPLETE for trial in self.trials):
            return []
        return self.study.best_trials if len(self.sweep.objectives) > 1 else [self.study.best_trial]


def open_study(
    name: str, sweep: SweepSettings, values: Mapping[str, Any], origin: str, folder: Path = FOLDER
) -> Study:
    """The study of a sweep, made if there is none.

    `values` are params.yaml's, `origin` says what all its trials share (data, code, params that are not searched).
    HemlineError if the trials that there are have another origin or space: they say nothing about these.
    """
    (folder / name).mkdir(parents=True, exist_ok=True)
    with claim_lock(folder / name):
        study = optuna.create_study(
            study_name=name,
            storage=open_storage(folder / name),
            directions=[DIRECTIONS[objective] for objective in sweep.objectives],
            load_if_exists=True,
        )
        about = {"origin": origin, "settings": sweep.model_dump(mode="json")}
        if "about" not in study.user_attrs:
            study.set_user_attr("id", uuid.uuid4().hex[:12])
            for first in first_values(sweep, values):
                study.enqueue_trial(first, skip_if_exists=True)
            study.set_metric_names(list(sweep.objectives))
        else:
            _check_same(name, study.user_attrs["about"], about, folder / name)
        study.set_user_attr("about", about)
    return Study(name, sweep, study, folder / name)


def _check_same(name: str, old: Mapping[str, Any], new: Mapping[str, Any], folder: Path) -> None:
    changed = [
        key for key in new["settings"] if old["settings"].get(key) != new["settings"][key] and key != "trials"
    ]
    if not changed and old["origin"] == new["origin"]:
        return
    what = (
        f"other settings (params.yaml: sweeps.{name}: {', '.join(changed)})"
        if changed
        else "other data or code"
    )
    raise HemlineError(
        f"{folder}: its trials are of {what}, and say nothing about the present ones. "
        f"Keep them (mv {folder} {folder}-before) or delete them; then start again"
    )


def read_study(name: str, folder: Path = FOLDER) -> Study:
    """A study that there is, whatever params.yaml says now. HemlineError if there is none."""
    if not (folder / name).is_dir():
        raise HemlineError(f"{folder / name}: no such study; `hemline sweep run {name}` makes it")
    with claim_lock(folder / name):  # not while it is being made
        try:
            study = optuna.load_study(study_name=name, storage=open_storage(folder / name))
        except KeyError:
            raise HemlineError(
                f"{folder / name}: its storage has no study {name!r}; is HEMLINE_SWEEP_STORAGE set as it was?"
            ) from None
    settings = SweepSettings.model_validate(tuples(study.user_attrs["about"]["settings"]))
    return Study(name, settings, study, folder / name)


@contextmanager
def claim_lock(folder: Path) -> Iterator[None]:
    """Held while a trial is claimed: a file's lock, or, of a database that machines share, PostgreSQL's own."""
    url = database()
    if url is None:
        with FileLock(folder / "claim.lock"):
            yield
        return
    with _connected(url) as connection:  # the end of which gives the lock back
        connection.execute(text("SELECT pg_advisory_lock(hashtext(:name))"), {"name": f"sweep {folder.name}"})
        yield


def _connected(url: str) -> Connection:
    try:
        return create_engine(url, poolclass=NullPool).connect()
    except OperationalError as error:
        why = str(error.orig).splitlines()[0]
        raise HemlineError(
            f"HEMLINE_SWEEP_STORAGE: {without_password(url)!r} is not reached: {why}"
        ) from None


def database() -> str | None:
    """HEMLINE_SWEEP_STORAGE, the address of a PostgreSQL database; None: a journal beside the lock."""
    url = os.environ.get("HEMLINE_SWEEP_STORAGE") or None
    if url is not None and not url.startswith("postgresql"):
        raise HemlineError(
            f"HEMLINE_SWEEP_STORAGE is {without_password(url)!r}: give postgresql://USER:PASSWORD@HOST/DATABASE, "
            "or unset it for a journal in sweeps/"
        )
    return url


def open_storage(folder: Path) -> optuna.storages.BaseStorage:
    """The database that machines share, else a journal in `folder`."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # constant_liar and the metrics' names: "experimental" for years
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    if url := database():
        return optuna.storages.RDBStorage(url)
    journal = folder / "journal.log"
    repair(journal)
    return optuna.storages.JournalStorage(JournalFileBackend(str(journal)))


def repair(journal: Path) -> None:
    """Cut off a last line that was not written to its end (a full disk, a kill): with it no line could be added.

    What is cut off is kept beside the journal, as `journal.log.torn`.
    """
    if not journal.is_file():
        return
    lock = JournalFileSymlinkLock(str(journal))
    lock.acquire()
    try:
        content = journal.read_bytes()
        whole = _whole(content)
        if len(whole) < len(content):
            with open(f"{journal}.torn", "ab") as torn:
                torn.write(content[len(whole) :])
            os.truncate(journal, len(whole))
    finally:
        lock.release()


def _whole(content: bytes) -> bytes:
    whole = content[: content.rfind(b"\n") + 1]
    last = whole[whole.rfind(b"\n", 0, -1) + 1 :]
    try:
        if last:
            json.loads(last)
    except ValueError:
        return whole[: -len(last)]
    return whole


def first_values(sweep: SweepSettings, values: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What is tried first: the paper's values (params.yaml's where a key has none), then params.yaml's own.

    A value of params.yaml that lies outside of the space is left to the sampler.
    """
    current = {key: value_at(values, key) for key in sweep.space}
    inside = {key: value for key, value in current.items() if sweep.space[key].holds(value)}
    papers = {key: space.paper for key, space in sweep.space.items() if space.paper is not None}
    for chosen in ([{**inside, **papers}] if papers else []) + [inside]:
        yield {key: _label(sweep.space[key], value) for key, value in chosen.items()}


def suggest(trial: Trial, key: str, space: Dimension) -> None:
    """Have a value drawn, unless the trial has one."""
    if space.choices is not None:
        trial.suggest_categorical(key, labels(space))
        return
    low, high = space.low, space.high
    assert low is not None and high is not None
    if isinstance(low, int) and isinstance(high, int):
        trial.suggest_int(key, low, high, log=space.log, step=int(space.step or 1))
    else:
        trial.suggest_float(key, low, high, log=space.log, step=space.step)


def labels(space: Dimension) -> list[Any]:
    """The choices as Optuna keeps them."""
    return [_label(space, choice) for choice in space.choices or ()]


def as_text(value: object) -> str:
    """Four digits of a fraction, all else as it is."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def short_names(keys: Iterable[str]) -> dict[str, str]:
    """Each key's shortest ending that no other has: `lr` of `estimator.aggregated.lr`."""
    endings = {key: [key.split(".", skip)[-1] for skip in range(key.count(".") + 1)] for key in keys}
    taken = Counter(ending for several in endings.values() for ending in several)
    return {
        key: next(one for one in reversed(several) if taken[one] == 1 and not one.isdigit())
        for key, several in endings.items()
    }


def drawn_values(sweep: SweepSettings, trial: Trial | FrozenTrial) -> dict[str, Any]:
    """A trial's values by key, as params.yaml has them."""
    return {key: _value(sweep.space[key], trial.params[key]) for key in sweep.space}


def _label(space: Dimension, value: Any) -> Any:
    """A value as Optuna keeps it: of its choices only plain ones survive, so that a list is JSON text."""
    return json.dumps(value) if space.choices is not None and isinstance(value, list | tuple) else value


def _value(space: Dimension, label: Any) -> Any:
    if space.choices is None:
        return float(f"{label:.4g}") if isinstance(label, float) else label
    return next(choice for choice in space.choices if _label(space, choice) == label)


def sign(trial: Trial) -> None:
    """Say whose the trial is."""
    own = psutil.Process()
    trial.set_user_attr("worker", {"host": socket.gethostname(), "pid": own.pid, "since": own.create_time()})
    trial.set_user_attr("seen", time.time())


def is_lost(trial: FrozenTrial) -> bool:
    """Whether the worker that signed for a running trial is gone; asked under the lock, under which it is signed."""
    worker = trial.user_attrs.get("worker")
    if worker is None:
        return True
    if worker["host"] != socket.gethostname():
        return time.time() - trial.user_attrs.get("seen", 0.0) > GONE_SECONDS
    try:
        return psutil.Process(worker["pid"]).create_time() != worker["since"]
    except psutil.NoSuchProcess:
        return True


@contextmanager
def seen(trial: Trial) -> Iterator[None]:
    """Show once a minute that the trial's worker lives."""
    over = threading.Event()

    def show() -> None:
        while not over.wait(SEEN_SECONDS):
            trial.set_user_attr("seen", time.time())

    thread = threading.Thread(target=show, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
