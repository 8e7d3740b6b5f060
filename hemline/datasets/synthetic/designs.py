"""The wardrobe's designs: which cuts a category has, and how often."""

from typing import Any

import numpy as np

from hemline.datasets.synthetic.fabric import draw_fabric
from hemline.datasets.synthetic.garment import Design
from hemline.wardrobe import wardrobe

NECKLINES = {  # name: share, half width, depth (heads)
    "round": (0.46, (0.26, 0.42), (0.22, 0.55)),
    "v": (0.20, (0.26, 0.40), (0.45, 0.85)),
    "boat": (0.09, (0.42, 0.58), (0.24, 0.36)),
    "square": (0.09, (0.32, 0.46), (0.40, 0.70)),
    "shirt": (0.16, (0.24, 0.30), (0.22, 0.45)),
}


def draw_design(category_id: int, rng: np.random.Generator, seed: int = 0) -> Design:
    """A design of the category."""
    kind = wardrobe("deepfashion2").category(category_id)
    draw = {"shorts": _shorts, "trousers": _trousers, "skirt": _skirt}.get(kind.name, _upper)
    fabric = draw_fabric(rng, trousers=kind.name in ("shorts", "trousers"))
    return Design(kind, fabric, seed=seed, **draw(kind.name, rng))


def _pick(rng: np.random.Generator, shares: dict[str, float]) -> str:
    values = np.array(list(shares.values()))
    return list(shares)[rng.choice(len(values), p=values / values.sum())]


def _upper(name: str, rng: np.random.Generator) -> dict[str, Any]:
    cut = _neck(name, rng) | _fit(name, rng)
    if name.endswith("outwear"):
        cut |= _opening(name, rng)
    if name.startswith(("short", "long")):
        cut |= _sleeve(name, rng, cut["ease"])
    extras = [word for word, share in _extras(name, cut).items() if rng.random() < share]
    return cut | {"extras": tuple(extras)}


def _neck(name: str, rng: np.random.Generator) -> dict[str, Any]:
    if name.startswith("sling"):
        line = _pick(rng, {"round": 0.4, "v": 0.3, "square": 0.3})
        return {
            "neckline": line,
            "neck_width": rng.uniform(0.42, 0.58),
            "neck_depth": rng.uniform(0.72, 0.98),
            "strap": rng.uniform(0.06, 0.11),
            "back_depth": rng.uniform(0.1, 0.45),
        }
    line = _pick(rng, {key: share for key, (share, _, _) in NECKLINES.items()})
    if name.startswith("long") and rng.random() < 0.16:
        line = "turtle"
    _, width, depth = NECKLINES.get(line, (0, (0.25, 0.25), (0.0, 0.0)))
    cut = {"neckline": line, "neck_width": rng.uniform(*width), "neck_depth": rng.uniform(*depth)}
    cut["back_depth"] = rng.uniform(0.06, 0.2)
    cut["strap"] = rng.uniform(0.2, 0.42)
    return cut | ({"collar": "flaps"} if line == "shirt" else {})


def _fit(name: str, rng: np.random.Generator) -> dict[str, Any]:
    ease = rng.uniform(0.04, 0.28)
    if name.endswith("dress"):
        hem = rng.uniform(3.6, 4.9) if rng.random() < 0.75 else rng.uniform(4.9, 6.5)
        flare = rng.uniform(0.02, 0.34) if hem < 5 else rng.uniform(0.02, 0.2)
        return {"ease": 0.7 * ease, "flare": flare, "hem": hem, "hem_curve": rng.uniform(0.0, 0.12)}
    if name.endswith("outwear"):
        long = name.startswith("long") and rng.random() < 0.35
        hem = rng.uniform(3.8, 5.4) if long else rng.uniform(2.3, 3.5)
        return {
            "ease": 0.14 + ease,
            "flare": rng.uniform(0.0, 0.09),
            "hem": hem,
            "hem_curve": rng.uniform(-0.04, 0.08),
        }
    hem = rng.uniform(1.75, 2.2) if rng.random() < 0.12 else rng.uniform(2.45, 3.25)
    return {"ease": ease, "flare": rng.uniform(-0.02, 0.09), "hem": hem, "hem_curve": rng.uniform(0.0, 0.14)}


def _opening(name: str, rng: np.random.Generator) -> dict[str, Any]:
    return {
        "neckline": "open",
        "neck_width": rng.uniform(0.26, 0.36),
        "neck_depth": rng.uniform(0.55, 1.15),
        "gap": rng.uniform(0.05, 0.26),
        "gap_hem": rng.uniform(0.08, 0.50),
        "collar": _pick(rng, {"lapel": 0.5, "band": 0.3, "": 0.2}),
    }


def _sleeve(name: str, rng: np.random.Generator, ease: float) -> dict[str, Any]:
    wide = 0.20 + 0.30 * ease
    if name.startswith("short"):
        length = rng.uniform(0.30, 0.46)
        return {"sleeve": length, "sleeve_width": wide + 0.03, "cuff": wide + rng.uniform(0.0, 0.10)}
    length = rng.uniform(0.72, 0.88) if rng.random() < 0.2 else rng.uniform(0.90, 1.0)
    cuff = rng.uniform(0.24, 0.34) if rng.random() < 0.12 else rng.uniform(0.13, 0.20)
    return {"sleeve": length, "sleeve_width": wide, "cuff": cuff}


def _extras(name: str, cut: dict[str, Any]) -> dict[str, float]:
    """What may be on a garment: name to its share."""
    if name.endswith("dress"):
        shirt = 0.8 if cut.get("collar") else 0.05
        return {"belt": 0.45, "pleats": 0.35, "buttons": shirt}
    if name.endswith("outwear"):
        return {"pocket": 0.6}
    shirt = 0.95 if cut.get("collar") else 0.03
    return {"buttons": shirt, "polo": 0.4, "pocket": 0.15, "kangaroo": 0.06}


def _shorts(name: str, rng: np.random.Generator) -> dict[str, Any]:
    extras = ("belt",) if rng.random() < 0.25 else ()
    return {
        "waist": rng.uniform(1.95, 2.35),
        "ease": rng.uniform(0.02, 0.12),
        "leg": rng.uniform(0.22, 0.44),
        "thigh": 0.4,
        "bottom": rng.uniform(0.34, 0.46),
        "extras": extras,
    }


def _trousers(name: str, rng: np.random.Generator) -> dict[str, Any]:
    low, high = {"slim": (0.15, 0.20), "straight": (0.22, 0.30), "wide": (0.34, 0.50)}[
        _pick(rng, {"slim": 0.45, "straight": 0.37, "wide": 0.18})
    ]
    bottom = rng.uniform(low, high)
    return {
        "waist": rng.uniform(1.95, 2.35),
        "ease": rng.uniform(0.01, 0.08),
        "leg": rng.uniform(0.90, 1.02) if rng.random() < 0.75 else rng.uniform(0.74, 0.90),
        "thigh": 0.32 + 0.35 * bottom,
        "bottom": bottom,
        "extras": tuple(word for word, share in (("belt", 0.25), ("crease", 0.2)) if rng.random() < share),
    }


def _skirt(name: str, rng: np.random.Generator) -> dict[str, Any]:
    waist = rng.uniform(1.9, 2.3)
    hem = rng.uniform(3.45, 4.6) if rng.random() < 0.7 else rng.uniform(4.6, 6.4)
    flare = rng.uniform(-0.02, 0.05) if rng.random() < 0.3 else rng.uniform(0.06, 0.38 if hem < 5 else 0.22)
    extras = tuple(w for w, s in (("pleats", 0.4), ("belt", 0.2), ("buttons", 0.12)) if rng.random() < s)
    return {
        "waist": waist,
        "hem": hem,
        "flare": flare,
        "ease": rng.uniform(0.0, 0.06),
        "hem_curve": rng.uniform(0.0, 0.12),
        "extras": extras,
    }
