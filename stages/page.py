"""What the stages that write the report's pages share: what they are made of, their record, their tables in words."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from hemline.params import Params, load_params
from hemline.planning import networks_of, size_of
from hemline.provenance import provenance
from hemline.reporting import ReportInputs
from hemline.reporting.cost import NetworkSize
from stages.stage import recorded


def make_page(
    stage: str, out: Path, write: Callable[[ReportInputs, Path], object], parts: Sequence[str] = (".",)
) -> None:
    """Have `write` make index.html, tables.md and more in `out`, record these `parts` of it, and print the tables."""
    params = load_params()
    with recorded(stage, {"report": params.report.model_dump()}) as run:
        inputs = ReportInputs(
            params=params,
            pictures=params.data.pictures("validation"),
            provenance=provenance().to_dict(),
        )
        write(inputs, out)
        for part in parts:
            run.artifact(out / part)
    print(f"\n{(out / 'tables.md').read_text(encoding='utf-8')}\nThe page: {out / 'index.html'}")


def network_sizes(params: Params, stages: Collection[str]) -> dict[str, NetworkSize]:
    """The sizes of the networks that these stages train, by name: counting one takes seconds."""
    found = {network.name: size_of(network) for network in networks_of(params) if network.stage in stages}
    return {name: NetworkSize(size.parameters, size.prediction) for name, size in found.items()}
