"""`hemline register`: the shipped model into MLflow's model registry."""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hemline.errors import HemlineError
from hemline.provenance import experiment, pipeline_key
from hemline.tracking.records import records_folder, records_of, tail

if TYPE_CHECKING:
    from hemline.tracking.store import Store


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument(
        "--models", type=Path, default=Path("models"), help="folder of the models (default: models)"
    )
    parser.add_argument("--name", default="hemline", help="of the registered model (default: hemline)")


def run(arguments: argparse.Namespace) -> int:
    """Register what params.yaml's `package.row` names, once, and print its version."""
    from hemline.inference.shipped import digest, shipped
    from hemline.params import load_params

    what = shipped(load_params())
    event = {
        "settings": what.model_dump_json(),
        "models": str(arguments.models),
        "digest": digest(what, arguments.models),
    }
    try:
        version = _register(event, arguments.name)
    except HemlineError:
        raise
    except Exception as error:  # a server's, a database's or the network's
        raise HemlineError(f"MLflow: {type(error).__name__}: {error}") from error
    print(f"models:/{arguments.name}/{version}, the {what.row} row; also models:/{arguments.name}@shipped")
    return 0


def _register(event: dict[str, Any], name: str) -> str:
    from hemline.tracking.follower import be_impatient

    be_impatient()
    from hemline.tracking.registry import register
    from hemline.tracking.store import Store, tracking_uri

    store = Store(tracking_uri())
    return register(store.client, _run_of(store, event["digest"]), event, name)


def _run_of(store: "Store", key: str) -> str:
    """The run of the `package` stage that shipped this model, if MLflow has it; else one for this registration."""
    from hemline.tracking.store import RECORD

    own = store.experiment(experiment())
    for _, path in reversed(records_of(records_folder(), "package")):
        if any(event["event"] == "model" and event["shipped"]["digest"] == key for event in tail(path)):
            for found in store.search(own, f"tags.`{RECORD}` = '{path.stem}'"):
                return str(found.info.run_id)
    parent = store.parent(own, pipeline_key(), f"pipeline {pipeline_key()}", time.time(), {})
    child = store.child(own, parent, f"register-{key}", "register", time.time(), {"stage": "register"})
    store.client.set_terminated(child.run_id)
    return child.run_id
