"""Scenes in DeepFashion2's layout: image/000001.jpg, annos/000001.json."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from hemline.datasets.synthetic.annotation import Sight, locate, look_at
from hemline.datasets.synthetic.photograph import chance, draw_format, photograph
from hemline.datasets.synthetic.plan import Picture
from hemline.datasets.synthetic.scene import Scene, Worn, draw_scene
from hemline.datasets.synthetic.writer import SplitWriter, Written
from hemline.wardrobe import Wardrobe, wardrobe


class DeepFashion2Writer(SplitWriter):
    """A picture's garments are all annotated. `vary_size`: some pictures are higher, lower or wider than `size`."""

    wardrobe: ClassVar[Wardrobe] = wardrobe("deepfashion2")
    usual_size: ClassVar[tuple[int, int]] = (468, 624)  # the commonest in DeepFashion2
    folders: ClassVar[tuple[str, ...]] = ("image", "annos")

    def files(self, pictures: Sequence[Picture]) -> Iterator[Path]:
        """The pictures and, with annotations, theirs."""
        for picture in pictures:
            yield self._image(picture.number)
            if self.annotations:
                yield self._annotation(picture.number)

    @classmethod
    def planned(cls, picture: Picture) -> tuple[int, ...]:
        """The categories of all items."""
        return tuple(item.category_id for item in picture.items)

    def write(self, picture: Picture) -> Written:
        """Draw and write one picture and its annotation."""
        rng = chance(picture)
        size = draw_format(rng, self.size) if self.vary_size else self.size
        scene = draw_scene(picture, size)
        self._image(picture.number).write_bytes(photograph(scene.canvas, rng, picture.source))
        content = annotate(scene, picture)
        if self.annotations:
            self._annotation(picture.number).write_text(json.dumps(content), encoding="utf-8")
        items = (item for key, item in content.items() if key.startswith("item"))
        return Written(tuple(item["category_id"] for item in items), {})

    def _image(self, number: int) -> Path:
        return self.out / "image" / f"{number:06d}.jpg"

    def _annotation(self, number: int) -> Path:
        return self.out / "annos" / f"{number:06d}.json"


def annotate(scene: Scene, picture: Picture) -> dict[str, Any]:
    """The annotation file's content: source, pair_id, item1 ... itemN, all numbers ints."""
    found = []
    for worn, item in zip(scene.garments, picture.items, strict=True):
        sight = look_at(scene, worn)
        if sight.suffices(scene):
            found.append(_item(scene, worn, sight, item.style))
    return {"source": picture.source, "pair_id": picture.pair_id} | {
        f"item{number}": item for number, item in enumerate(found, 1)
    }


def _item(scene: Scene, worn: Worn, sight: Sight, style: int) -> dict[str, Any]:
    kind = worn.shape.design.category
    landmarks = locate(scene, worn, worn.shape.ordered())
    x1, y1, x2, y2 = sight.box(landmarks)
    visibility = landmarks[:, 2]
    return {
        "segmentation": [[int(v) for v in curve.ravel()] for curve in sight.outlines],
        "scale": _grade((x2 - x1) * (y2 - y1) / scene.canvas.ids.size, 0.1, 0.4),
        "viewpoint": scene.viewpoint,
        "zoom_in": _grade(float(np.mean(visibility == 0)), 0.01, 0.5),
        "landmarks": [int(v) for v in landmarks.ravel()],
        "style": style,
        "bounding_box": [x1, y1, x2, y2],
        "category_id": kind.id,
        "occlusion": _grade(float(np.mean(visibility == 1)), 0.2, 0.5),
        "category_name": kind.name,
    }


def _grade(value: float, low: float, high: float) -> int:
    """1, 2 or 3: up to `low`, up to `high`, above."""
    return 1 if value <= low else 2 if value <= high else 3
