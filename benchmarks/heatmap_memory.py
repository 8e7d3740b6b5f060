"""Memory of the landmark heatmaps' loss: dense targets with mmdet's focal loss, as in CenterNet, and ours.

    python -m benchmarks.heatmap_memory [--pictures 5] [--grouping independent] [--side 128] [--width 256]

One step, forward and backward, of the heatmap head's last layer on `width` hidden channels, and of its loss, on maps of
`side` x `side` cells; the default is a GPU's share of the paper's batch. The gradient of the hidden channels, as large
as they, is needed in any case and counts. Each way has a process of its own, which measures what the step needs above
what was held before: on a GPU what PyTorch allocates, else resident memory. All targets are drawn by `make_targets`;
the dense ones on the CPU, then spread over all channels and copied. `own` learns less: see params `negatives`.
"""

import argparse
import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

import psutil
import torch
from mmdet.models.losses import GaussianFocalLoss
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData
from torch import Tensor

from hemline.oneshot.deepmark.head import DeepMarkHead
from hemline.oneshot.deepmark.targets import STRIDE, Heatmaps, make_targets
from hemline.training import quiet
from hemline.training.facts import peak_memory
from hemline.wardrobe import grouping, wardrobe

WAYS = ("dense", "all", "own")
WARDROBE = wardrobe("deepfashion2")
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def main() -> None:
    """Print megabytes, their ratio to the dense way's, seconds and the loss of each way."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pictures", type=int, default=5)
    parser.add_argument("--grouping", default="independent")
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--width", type=int, default=256, help="of the hidden channels")
    parser.add_argument("--garments", type=int, default=2, help="in each picture")
    options = parser.parse_args()
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn, max_tasks_per_child=1) as processes:
        measured = {way: processes.submit(measure, way, options).result() for way in WAYS}
    print(
        f"{options.pictures} pictures, {grouping(WARDROBE, options.grouping).size} x {options.side} x {options.side}"
    )
    for way, (megabytes, seconds, loss) in measured.items():
        ratio = megabytes / measured["dense"][0]
        print(f"{way:5}  {megabytes:7.1f} MB  ratio {ratio:.2f}  {seconds:.2f} s  loss {loss:.4f}")


def measure(way: str, options: argparse.Namespace) -> tuple[float, float, float]:
    """Megabytes (10^6 bytes), seconds and loss of one step, after a small one that loads what code there is."""
    quiet()
    prepare(way, options, pictures=1, side=16)()
    step = prepare(way, options, options.pictures, options.side)
    if DEVICE.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    before = held()
    started = time.perf_counter()
    loss = float(step())  # waits for the GPU
    seconds = time.perf_counter() - started
    return peak_memory() - before, seconds, loss


def held() -> float:
    """Megabytes in use, as `peak_memory` counts them."""
    if DEVICE.type == "cuda":
        return torch.cuda.memory_allocated() / 1e6
    return psutil.Process().memory_info().rss / 1e6


def prepare(way: str, options: argparse.Namespace, pictures: int, side: int) -> Callable[[], Tensor]:
    """A step, ready to be taken."""
    torch.manual_seed(0)
    weights = dict.fromkeys(("centre", "size", "offset", "coarse", "heatmap", "landmark_offset"), 1.0)
    negatives = "all" if way == "dense" else way
    head = DeepMarkHead(1, options.width, 1, WARDROBE.name, options.grouping, weights, negatives).to(DEVICE)
    head.init_weights()
    hidden = torch.randn(pictures, options.width, side, side, device=DEVICE, requires_grad=True)
    place = torch.device("cpu") if way == "dense" else DEVICE
    samples = [sample(options.grouping, options.garments, side).to(place) for _ in range(pictures)]

    def step() -> Tensor:
        targets = make_targets(samples, (side, side))
        if way == "dense":
            loss = dense_loss(head.branches["heatmap"][0][-1](hidden), targets.heatmap)
        else:
            loss = head.heatmap_loss(0, hidden, targets)
        loss.backward()
        return loss.detach()

    return step


def dense_loss(logits: Tensor, targets: Heatmaps) -> Tensor:
    """CenterNet's: scores kept off 0 and 1, the loss of all cells over the number of landmarks."""
    dense = torch.zeros(logits.shape)
    dense[targets.index[:, 0], targets.index[:, 1]] = targets.values
    dense = dense.to(DEVICE)
    scores = logits.sigmoid().clamp(1e-4, 1 - 1e-4)
    return GaussianFocalLoss(reduction="sum")(scores, dense) / dense.eq(1).sum()


def sample(name: str, garments: int, side: int) -> DetDataSample:
    """Random garments of random categories, about half of the picture's side, every landmark labelled."""
    labels = torch.randint(len(WARDROBE.categories), (garments,))
    corner, size = torch.rand(2, garments, 2) * side * STRIDE / 2
    landmarks = torch.zeros(garments, grouping(WARDROBE, name).size, 3)
    for number, label in enumerate(labels.tolist()):
        channels = torch.from_numpy(grouping(WARDROBE, name).channels(label + 1))
        landmarks[number, channels, :2] = corner[number] + torch.rand(len(channels), 2) * size[number]
        landmarks[number, channels, 2] = 2
    boxes = torch.cat([corner, corner + size], dim=1)
    return DetDataSample(gt_instances=InstanceData(bboxes=boxes, labels=labels, landmarks=landmarks))


if __name__ == "__main__":
    main()
