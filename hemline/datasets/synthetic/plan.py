"""Which garments are in which picture, before anything is drawn.

The plan is dealt out as a whole, so that the shares are met exactly, rare categories appear, and pictures of
one pair share a garment; each picture is then drawn from its own seed, in any order and by any number of workers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hemline.datasets.published import GARMENTS, IMAGES
from hemline.wardrobe import wardrobe

GARMENTS_PER_PICTURE = sum(GARMENTS["train"]) / IMAGES["train"]
DEEPFASHION2 = wardrobe("deepfashion2")
TOPS, OUTWEAR, BOTTOMS, DRESSES = (1, 2, 5, 6), (3, 4), (7, 8, 9), (10, 11, 12, 13)
PAIRS_PER_SEED = 1_000_000  # pair numbers of two seeds never meet


@dataclass(frozen=True)
class Item:
    """A garment to draw: its category, the seed of its design, and its style number (0: it has no pair)."""

    category_id: int
    design_seed: int
    style: int


@dataclass(frozen=True)
class Picture:
    """What to draw on picture `number` (from 1)."""

    number: int
    seed: int
    source: str
    pair_id: int
    items: tuple[Item, ...]


def shares(temper: float = 1.0) -> np.ndarray:
    """Shares (13,) of the categories, by id: Table 3's, to the power `temper`, made to sum to 1."""
    counts = np.array(GARMENTS["train"], dtype=np.float64) ** temper
    return counts / counts.sum()


def plan(images: int, seed: int, temper: float = 1.0) -> list[Picture]:
    """The pictures of one split. The same arguments give the same plan."""
    rng = np.random.default_rng([seed, images])
    outfits = _outfits(images, shares(temper), rng)
    return _pair_up(outfits, seed, rng)


def subject(picture: Picture) -> int:
    """The place of the item that a picture of one garment is of: the outwear, which covers the rest, or any."""
    kinds = [item.category_id for item in picture.items]
    places = [place for place, kind in enumerate(kinds) if kind in OUTWEAR] or range(len(kinds))
    return int(np.random.default_rng([picture.seed, picture.number, 13]).choice(places))


def _outfits(images: int, share: np.ndarray, rng: np.random.Generator) -> list[list[int]]:
    """Category ids of each picture: a dress, or a top or a bottom or both; an outwear with some."""
    hands = {group: _hand(group, images, share, rng) for group in (DRESSES, TOPS, BOTTOMS, OUTWEAR)}
    dresses = hands[DRESSES][:images]
    rest = images - len(dresses)
    tops, bottoms = hands[TOPS][:rest], hands[BOTTOMS][:rest]
    outfits = [[dress] for dress in dresses] + [[top] for top in tops]
    outfits += [[] for _ in range(images - len(outfits))]
    for slot, bottom in zip(range(images - 1, -1, -1), bottoms, strict=False):
        outfits[slot].append(bottom)  # pictures without a top first
    for slot, coat in zip(rng.permutation(images), hands[OUTWEAR], strict=False):
        outfits[slot].append(coat)
    for outfit in outfits:
        if not outfit:
            outfit.append(int(rng.choice(len(share), p=share)) + 1)
    return [outfits[i] for i in rng.permutation(images)]


def _hand(group: Sequence[int], images: int, share: np.ndarray, rng: np.random.Generator) -> list[int]:
    """The garments of one group, shuffled; each category at least once, unless pictures are very few."""
    wanted = share[[number - 1 for number in group]] * _total(images, share)
    counts = np.floor(wanted).astype(int)
    rest = round(float(wanted.sum())) - counts.sum()
    counts[np.argsort(counts - wanted, kind="stable")[:rest]] += 1
    if images >= 2 * len(DEEPFASHION2.categories):
        counts = np.maximum(counts, 1)
    hand = np.repeat(group, counts)
    return [int(number) for number in rng.permutation(hand)]


def _total(images: int, share: np.ndarray) -> float:
    """Garments in all: DeepFashion2's number a picture, or as many as one top and one bottom a picture allow."""
    tops, bottoms, dresses = (share[[n - 1 for n in group]].sum() for group in (TOPS, BOTTOMS, DRESSES))
    return images * min(GARMENTS_PER_PICTURE, 0.99 / (dresses + max(tops, bottoms)))


def _pair_up(outfits: list[list[int]], seed: int, rng: np.random.Generator) -> list[Picture]:
    """Pictures whose first garments are of one category share, by twos and threes, a pair and that garment."""
    pictures: dict[int, Picture] = {}
    pair = seed * PAIRS_PER_SEED
    for number in range(1, len(DEEPFASHION2.categories) + 1):
        slots = [slot for slot, outfit in enumerate(outfits) if outfit[0] == number]
        while slots:
            size = min(len(slots), int(rng.integers(2, 4)))
            group, slots = slots[:size], slots[size:]
            pair += 1
            shared = int(rng.integers(2**31))
            for place, slot in enumerate(group):
                items = _items(outfits[slot], shared, int(size > 1), rng)
                source = "user" if place or (size == 1 and rng.random() < 0.5) else "shop"
                pictures[slot] = Picture(slot + 1, seed, source, pair, items)
    return [pictures[slot] for slot in range(len(outfits))]


def _items(outfit: list[int], shared: int, style: int, rng: np.random.Generator) -> tuple[Item, ...]:
    first = Item(outfit[0], shared, style)
    return (first, *(Item(number, int(rng.integers(2**31)), 0) for number in outfit[1:]))
