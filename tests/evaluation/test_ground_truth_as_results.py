"""Ground truth as results scores AP 1.0: on real and on synthetic pictures, through the real conversion."""

from pathlib import Path

from hemline.datasets.conversion import convert_split
from hemline.datasets.synthetic import synthesize
from hemline.evaluation import as_garments, evaluate_ablation, read_truth
from hemline.inference.garments import write_results
from hemline.submission import check, package
from hemline.wardrobe import wardrobe

DEEPFASHION2 = wardrobe("deepfashion2")


def evaluate_perfect_results(folder: Path, pictures: Path) -> dict:
    convert_split(pictures, folder / "coco", "validation", boxes=folder / "boxes")
    truth = folder / "coco" / "validation-independent.json"
    write_results(folder / "results.json", as_garments(read_truth(truth, DEEPFASHION2)))
    package(folder / "results.json", folder / "out.zip", DEEPFASHION2, images=truth)
    assert not check(folder / "out.zip", DEEPFASHION2, truth).violations
    return evaluate_ablation(
        truth,
        folder / "coco" / "validation-visible.json",
        folder / "results.json",
        folder / "boxes" / "validation.json",
        resamples=20,
        seed=0,
        wardrobe=DEEPFASHION2,
    )


def assert_perfect(metrics: dict) -> None:
    assert [metrics[name] for name in ("AP", "AP50", "AP75", "AP_box")] == [1.0] * 4
    for block in ("landmarks", "boxes"):
        assert set(metrics[block]["per_category"].values()) <= {1.0, None}
        assert metrics[block]["intervals"]["AP"] == [1.0, 1.0]
    assert metrics["landmarks"]["AR"] == 1.0


def test_real_pictures(tmp_path, deepfashion2_sample):
    metrics = evaluate_perfect_results(tmp_path, deepfashion2_sample)
    assert_perfect(metrics)
    assert metrics["counts"]["garments"] == 30
    assert sum(value is not None for value in metrics["landmarks"]["per_category"].values()) == 8


def test_synthetic_pictures(tmp_path):
    synthesize(tmp_path / "wardrobe", images=30, seed=5)
    metrics = evaluate_perfect_results(tmp_path, tmp_path / "wardrobe")
    assert_perfect(metrics)
    assert metrics["counts"]["images"] == 30
