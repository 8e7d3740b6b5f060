"""`hemline models`: every network of every params set; `--step` trains each for one step and has it predict."""

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from hemline.commands.params import set_file, sets
from hemline.commands.table import aligned
from hemline.errors import HemlineError
from hemline.params import Params, load_params

if TYPE_CHECKING:
    from hemline.planning import Network

COLUMNS = ("model", "params", "input", "channels", "parameters M", "GFLOPs", "of", "in training")
STEP_COLUMNS = ("model", "params", "input", "batch", "does", "seconds", "peak memory MB")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("--params", metavar="SET", help="one set of params/ (default: all)")
    parser.add_argument("--model", help="one model, such as htc or aggregated (default: all)")
    parser.add_argument(
        "--step",
        action="store_true",
        help="train each for one step and predict once, on the CPU, each in a process of its own",
    )
    parser.add_argument("--batch", type=int, default=1, help="samples of that step (default %(default)s)")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.epilog = (
        "GFLOPs: multiply-adds of a prediction, in the unit of the published figures (of): mmdet's is 10^9, the HRNet"
        " authors' 2^30; in training: a sample's forward pass. docs/models.md"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print one row a network."""
    chosen = [
        (params, network)
        for name in ([arguments.params] if arguments.params else sets())
        for params in [load_params(set_file(name))]
        for network in _networks(params, arguments.model)
    ]
    if not chosen:
        raise HemlineError(f"--model: no network {arguments.model!r}; `hemline models` lists them")
    if arguments.step:
        return _steps(chosen, arguments.batch, arguments.json)
    if arguments.json:
        print(json.dumps([_entry(network) for _, network in chosen], indent=1))
    else:
        print("\n".join(aligned(COLUMNS, [_row(network) for _, network in chosen])))
    return 0


def _networks(params: Params, model: str | None) -> "list[Network]":
    from hemline.planning import networks_of

    return [network for network in networks_of(params) if model in (None, network.name)]


def _entry(network: "Network") -> dict[str, Any]:
    from hemline.planning import size_of

    size = size_of(network)
    return {
        "name": network.name,
        "stage": network.stage,
        "params_set": network.params_set,
        "copies": network.copies,
        "input_size": list(network.input_size),
        "channels": network.channels,
        "params_m": round(size.parameters / 1e6, 3),
        "gflops": round(size.prediction / network.GIGA, 3),
        "gflops_training": round(size.training / network.GIGA, 3),
        "gflops_unit": network.GIGA,
        "multiply_adds": size.prediction,
    }


def _row(network: "Network") -> list[str]:
    entry = _entry(network)
    copies = f" x {network.copies}" if network.copies > 1 else ""
    return [
        f"{network.name}{copies}",
        network.params_set,
        _size(network),
        str(network.channels),
        f"{entry['params_m']:.2f}",
        f"{entry['gflops']:.2f}",
        "2^30" if network.GIGA == 2**30 else "10^9",
        f"{entry['gflops_training']:.2f}",
    ]


def _size(network: "Network") -> str:
    return f"{network.input_size[0]}x{network.input_size[1]}"


def _steps(chosen: "list[tuple[Params, Network]]", batch: int, as_json: bool) -> int:
    from hemline.planning.step import measure

    if batch < 1:
        raise HemlineError(f"--batch: {batch} is not a number of samples; give 1 or more")
    found = [(network, one) for params, network in chosen for one in measure(params, network, batch)]
    if as_json:
        print(json.dumps([{**_entry(network), "batch": batch, **asdict(one)} for network, one in found]))
        return 0
    rows = [
        [network.name, network.params_set, _size(network), str(batch), one.does, f"{one.seconds:.1f}",
         f"{one.peak_memory_mb:,.0f}"]
        for network, one in found
    ]  # fmt: skip
    print("\n".join(aligned(STEP_COLUMNS, rows)))
    return 0
