"""`hemline predict`: garments and landmarks of pictures, by the models of the last run."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from hemline.errors import HemlineError
from hemline.progress import progress

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"}

DETECTORS = ("htc", "cascade")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("pictures", nargs="+", type=Path, help="pictures, or folders of pictures")
    parser.add_argument(
        "--out", type=Path, help="folder to write the pictures to, with the garments drawn on them"
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object and nothing else on stdout"
    )
    parser.add_argument(
        "--models", type=Path, default=Path("models"), help="folder of the models (default: models)"
    )
    parser.add_argument(
        "--oneshot",
        metavar="NETWORK",
        help="a one-shot network, such as dla, or its folder (with a /), in the place of detector and estimators",
    )
    parser.add_argument(
        "--detector", choices=DETECTORS, help="default: htc, or cascade where that is the only one"
    )
    parser.add_argument(
        "--category",
        metavar="NAME",
        help="in the place of a detector: each picture is of one garment of this category, such as blouse (FashionAI)",
    )
    parser.add_argument(
        "--experts", choices=("hflip", "plain", "none"), default="hflip", help="default: hflip"
    )
    parser.add_argument(
        "--threshold", type=_score, default=0.3, help="least score of a garment, 0 to 1 (default 0.3)"
    )


def _score(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:  # NaN is neither
        raise argparse.ArgumentTypeError(f"{text} is not within 0 and 1")
    return value


def run(arguments: argparse.Namespace) -> int:
    """Predict picture by picture. Returns 1 when one of them could not be read or written, which is said."""
    pictures = list(_named(_files(arguments.pictures)))
    if arguments.out is not None:
        _spare(pictures, arguments.out)
    if arguments.oneshot is not None:
        _refuse_two_stages(arguments)
    predictor = _load(arguments)
    found: list[dict[str, Any]] = []
    unreadable: list[dict[str, str]] = []
    for path, name in progress(pictures, "predict", total=len(pictures), unit="pictures"):
        try:
            found.append(_predict(predictor, path, name, arguments))
        except HemlineError as error:
            print(f"error: {error}", file=sys.stderr)
            unreadable.append({"picture": str(path), "error": str(error)})
            continue
        if not arguments.json:
            _print(found[-1])
    if arguments.json:
        print(json.dumps({"pictures": found, "unreadable": unreadable}, indent=1))
    return 1 if unreadable else 0


def _refuse_two_stages(arguments: argparse.Namespace) -> None:
    for name, default in (
        ("models", Path("models")),
        ("detector", None),
        ("category", None),
        ("experts", "hflip"),
    ):
        if getattr(arguments, name) != default:
            raise HemlineError(
                f"--oneshot {arguments.oneshot} stands in the place of --{name}: leave that out"
            )


def _load(arguments: argparse.Namespace) -> Any:
    # Imported late: bad arguments and missing pictures are said before the seconds that torch takes to load.
    if arguments.oneshot is not None:
        from hemline.oneshot.predictor import OneShotPredictor

        return OneShotPredictor.load(arguments.oneshot)
    from hemline.inference.predictor import Predictor
    from hemline.params import load_params

    if arguments.category is not None:
        if arguments.detector is not None:
            raise HemlineError(
                f"--category {arguments.category} stands in the place of --detector: leave that out"
            )
        return Predictor.load(arguments.models, experts=arguments.experts, category=arguments.category)
    there = (name for name in DETECTORS if (arguments.models / "detectors" / name).is_dir())
    detector = arguments.detector or next(there, DETECTORS[0])
    detect = getattr(load_params().detect, detector) if Path("params.yaml").is_file() else None
    return Predictor.load(arguments.models, detector, arguments.experts, detect)


def _predict(predictor: Any, path: Path, name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    import cv2

    from hemline.inference.predictor import read_upright

    picture = read_upright(path)
    try:
        prediction = predictor.predict(picture, arguments.threshold)
    # Crops are cut of at most 32,766 pixels a side, and a thin picture is resized to nothing.
    except cv2.error as error:
        height, width = picture.shape[:2]
        raise HemlineError(
            f"{path}: too long or too thin, {width} x {height} pixels ({error.err}): cut it, or make it smaller"
        ) from None
    described = prediction.to_json(path)
    if arguments.out is not None:
        described["drawn"] = str(_draw(prediction, arguments.out / name))
    return described


def _draw(prediction: Any, path: Path) -> Path:
    import cv2

    from hemline.drawing import draw_garments

    done, data = cv2.imencode(path.suffix, draw_garments(prediction.picture, prediction.garments))
    if not done:
        raise HemlineError(f"{path}: cannot be drawn: too large for its format")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.tobytes())
    except OSError as error:
        raise HemlineError(f"{path}: cannot be written ({error.strerror})") from None
    return path


def _files(given: list[Path]) -> list[Path]:
    files = []
    for path in given:
        if not path.is_dir():
            files.append(path)
            continue
        inside = sorted(
            entry for entry in path.rglob("*") if entry.suffix.lower() in SUFFIXES and entry.is_file()
        )
        if not inside:
            raise HemlineError(f"{path}: no pictures in this folder ({', '.join(sorted(SUFFIXES))})")
        files.extend(inside)
    return files


def _named(pictures: list[Path]) -> list[tuple[Path, str]]:
    """A name in the output folder for each picture: its own, or a numbered one when another has taken it."""
    taken: set[str] = set()
    named = []
    for path in pictures:
        suffix = path.suffix.lower() if path.suffix.lower() in SUFFIXES else ".jpg"
        name, number = f"{path.stem}{suffix}", 2
        while name in taken:
            name, number = f"{path.stem}-{number}{suffix}", number + 1
        taken.add(name)
        named.append((path, name))
    return named


def _spare(pictures: list[tuple[Path, str]], out: Path) -> None:
    for path, name in pictures:
        if (out / name).resolve() == path.resolve():
            raise HemlineError(
                f"--out {out}: {path} would be overwritten with its drawing; choose another folder"
            )


def _print(described: dict[str, Any]) -> None:
    print(f"{described['picture']}: {len(described['garments'])} garments")
    for garment in described["garments"]:
        x, y, width, height = garment["box"]
        print(
            f"  {garment['category']}, score {garment['score']:.2f}, box {x:.0f},{y:.0f} {width:.0f}x{height:.0f}, "
            f"{len(garment['landmarks'])} landmarks"
        )
    if "drawn" in described:
        print(f"  drawn: {described['drawn']}")
