"""The whole report, from results that were really evaluated."""

import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from hemline.errors import HemlineError
from hemline.evaluation import as_garments, read_truth
from hemline.params import load_params
from hemline.reporting import readme_table, write_report
from hemline.reporting.pictures import Sample, choose, extremes, match, oks, picture_files, read_picture
from hemline.reporting.submission import submission_lines

SETS = Path(__file__).parents[2] / "params"
INTERVAL = r"\[−?[+\d.]+, [−+]?[\d.]+\]"


@pytest.fixture(scope="module")
def written(evaluated, tmp_path_factory):
    """The report's folder."""
    out = tmp_path_factory.mktemp("reports") / "reports"
    (out / "pictures").mkdir(parents=True)
    (out / "pictures" / "999-old.jpg").write_bytes(b"old")
    (out / "plots").mkdir()
    (out / "plots" / "old.csv").write_text("old")
    write_report(evaluated.inputs(), out)
    return out


class Reader(HTMLParser):
    """Collects tags with their attributes, and checks that tags are closed in order."""

    VOID = ("meta", "img", "br", "line", "circle", "polyline", "rect")

    def __init__(self):
        super().__init__()
        self.found, self.open = [], []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    assert not reader.open
    return reader


def test_all_files_come_out(written):
    names = {path.relative_to(written).as_posix() for path in written.rglob("*") if path.is_file()}
    tables = {"table1.json", "table2.json", "table3.json", "rows.json", "tables.md", "index.html"}
    assert tables | {"pictures/predictions.jpg"} <= names and "pictures/999-old.jpg" not in names
    plots = {"rows", "categories", "landmarks", "training/detectors-htc"}
    assert {f"plots/{name}.csv" for name in plots} == {name for name in names if name.startswith("plots")}
    assert sum(name.startswith("pictures/whole") for name in names) == 6
    assert sum(name.startswith("pictures/00") for name in names) == 4  # the gallery: one of each category


def test_the_page_needs_nothing_else(written):
    page = (written / "index.html").read_text()
    assert "http://" not in page and "https://" not in page and "url(" not in page and "@import" not in page
    reader = read(page)
    tags = {tag for tag, _ in reader.found}
    assert not tags & {"script", "link", "iframe", "object", "embed", "base", "form"}
    named = [
        attributes[name] for _, attributes in reader.found for name in ("src", "href") if name in attributes
    ]
    sources = [name for name in named if not name.startswith("#")]
    tiles = [name for name in (written / "pictures").iterdir() if name.name.startswith(("worst", "best"))]
    assert (
        len(tiles) > 4
        and len(sources) == 4 + 6 + len(tiles)
        and all(source.startswith("data:image/jpeg;base64,") for source in sources)
    )
    assert not [name for _, attributes in reader.found for name in attributes if name.startswith("on")]


def test_the_contents_lead_to_every_section(written):
    reader = read((written / "index.html").read_text())
    sections = [attributes["id"] for tag, attributes in reader.found if tag == "section"]
    links = [attributes["href"] for tag, attributes in reader.found if tag == "a"]
    assert links == [f"#{name}" for name in sections] and {"table2", "errors", "training"} < set(sections)


def test_the_page_fits_a_phone(written):
    page = (written / "index.html").read_text()
    assert 'name="viewport"' in page
    assert page.count('<div class="scroll"') == page.count("<table>") == 6


def test_every_cell_has_its_headings(written):
    """For who has the page read out: of each column, of each line, of a group of columns."""
    page = (written / "index.html").read_text()
    for table in page.split("<table>")[1:]:
        head, body = table.split("</table>")[0].split("<tbody>")
        lines = body.split("<tr")[1:]
        assert lines and all(line.count('scope="row"') == line.count("<th ") == 1 for line in lines)
        assert all("scope=" in cell for cell in head.split("<th ")[1:])
    assert 'scope="colgroup"' in page


def test_every_ap_of_ours_has_an_interval(written):
    for name in ("table1", "table2", "table3"):
        check_intervals(json.loads((written / f"{name}.json").read_text())["rows"])
    lines = (written / "tables.md").read_text().splitlines()
    rows = [
        line
        for line in lines
        if re.match(r"\| (\*\*)?(HTC|Cascade|annotated)", line) and line.count("|") == 11
    ]
    assert len(rows) == 8
    for row in rows:
        assert len(re.findall(rf"\d\.\d\d\d {INTERVAL}", row)) == 3, row


def check_intervals(value):
    """Each of our numbers between 0 and 1 that is an AP stands with low and high."""
    if isinstance(value, list):
        for entry in value:
            check_intervals(entry)
    elif isinstance(value, dict):
        for key, entry in value.get("ours", {}).items():
            if key.startswith("AP") or key == "change":
                assert entry is None or set(entry) == {"value", "low", "high"}, key
        if "validation" in value and not isinstance(value["validation"], float):
            assert set(value["validation"]) == {"value", "low", "high"}


def test_table_2_for_programs(written, evaluated):
    table = json.loads((written / "table2.json").read_text())
    assert [row["row"] for row in table["rows"]] == evaluated.rows
    assert not table["comparable_with_paper"] and table["params_set"] == "tiny"
    metrics = json.loads((evaluated.root / "metrics/htc-aggregated.json").read_text())
    row = table["rows"][2]
    assert row["ours"]["AP"]["value"] == metrics["landmarks"]["AP"] and row["paper"] == {
        "AP": 0.579,
        "AP_box": 0.764,
    }
    assert len(table["steps"]) == 7
    assert readme_table(table).count("\n") == 10
    rows = json.loads((written / "rows.json").read_text())["rows"]
    assert [row["row"] for row in rows] == evaluated.rows
    assert rows[7]["command"] == "hemline run evaluate@ensemble" and rows[7]["seconds"] is None


def test_sections_and_provenance(written):
    page, text = (written / "index.html").read_text(), (written / "tables.md").read_text()
    for where in (page, text):
        assert "abc1234" in where and "a drawer of drawings" in where and "6 pictures, seed 2" in where
        assert "1,234 garments in 6 pictures, no violation" in where
        assert (
            "long sleeve outwear, vest, shorts" in where and "the aggregated estimator serves them" in where
        )
    # a figure for each question, the errors' scale and four categories, curves of detectors and of experts
    assert page.count("<svg") == 3 + 1 + 4 + 2
    assert "![Predictions on validation pictures](pictures/predictions.jpg)" in text


def test_what_a_user_writes_is_escaped(evaluated, tmp_path):
    world = evaluated
    inputs = world.inputs()
    nasty = '<script>alert("1")</script> & more'
    params = inputs.params.model_copy(
        update={"report": inputs.params.report.model_copy(update={"data": nasty})}
    )
    changed = type(inputs)(**{**vars(inputs), "params": params, "provenance": {nasty: nasty}})
    write_report(changed, tmp_path)
    page = (tmp_path / "index.html").read_text()
    assert "<script>" not in page and "&lt;script&gt;" in page
    read(page)


def test_the_same_inputs_give_the_same_bytes(evaluated, written, tmp_path):
    write_report(evaluated.inputs(), tmp_path)
    for path in written.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / path.relative_to(written)).read_bytes(), path


def test_one_row_alone(evaluated, tmp_path):
    """Without rows to compare, without models, submission and gallery."""
    inputs = evaluated.inputs()
    rows = {"htc-aggregated": "htc"}
    update = {
        "ablations": {"htc-aggregated": inputs.params.ablations["htc-aggregated"]},
        "evaluate": inputs.params.evaluate.model_copy(update={"rows": rows}),
        "package": inputs.params.package.model_copy(update={"row": "htc-aggregated"}),
        "report": inputs.params.report.model_copy(update={"gallery": 0}),
    }
    params = inputs.params.model_copy(update=update)
    lone = type(inputs)(**{**vars(inputs), "params": params, "models": None, "submissions": None})
    write_report(lone, tmp_path)
    page = (tmp_path / "index.html").read_text()
    assert page.count("<table>") == 5 and "Not answered" in page and "From row to row" not in page
    assert 'id="garments"' not in page and 'id="training"' not in page and 'id="submission"' not in page
    assert json.loads((tmp_path / "table2.json").read_text())["steps"] == []


@pytest.mark.parametrize("name", ["third-place", "baseline-294"])
def test_sets_without_most_of_the_papers_rows(name, evaluated, tmp_path):
    """Their rows stand in Table 2, beside the paper's number where it has one; what they lack are dashes."""
    params = load_params(SETS / f"{name}.yaml")
    (tmp_path / "metrics").mkdir()
    for source, row in zip(evaluated.rows, params.evaluate.rows, strict=False):
        shutil.copy(evaluated.root / f"metrics/{source}.json", tmp_path / f"metrics/{row}.json")
        shutil.copytree(evaluated.root / f"results/{source}", tmp_path / f"results/{row}")
    folders = {"metrics": tmp_path / "metrics", "results": tmp_path / "results"}
    write_report(replace(evaluated.inputs(), params=params, **folders), tmp_path)
    rows = json.loads((tmp_path / "table2.json").read_text())["rows"]
    assert [row["row"] for row in rows] == list(params.evaluate.rows)
    known = {row["row"]: row["paper"]["AP"] for row in rows if row["paper"]["AP"] is not None}
    assert known == ({"cascade-independent": 0.556} if name == "baseline-294" else {})
    page = (tmp_path / "index.html").read_text()
    assert "HTC, independent, flip test" in page and "No expert" not in page
    assert "The paper has no such row." in page and "two numbers" not in page
    assert [
        row["ours"]["AP_after"] for row in json.loads((tmp_path / "table3.json").read_text())["rows"]
    ] == ([None] * 14)


def test_oks_of_the_gallery_is_the_evaluations(evaluated):
    """Against pycocotools: a garment moved by known pixels."""
    from pycocotools.cocoeval import COCOeval

    garment = as_garments(read_truth(evaluated.root / "truth.json", evaluated.table))[0]
    moved = garment.landmarks + np.array([3.0, -2.0, 0.0])
    assert oks(garment, garment.landmarks) == 1.0

    engine = COCOeval(iouType="keypoints")
    engine.params.kpt_oks_sigmas = garment.wardrobe.sigmas[garment.category.slice]
    engine.params.maxDets = [20]
    area = garment.box[2] * garment.box[3]
    truth = {"keypoints": garment.landmarks.ravel(), "bbox": garment.box, "area": area}
    engine._gts[1, 1], engine._dts[1, 1] = [truth], [{"keypoints": moved.ravel(), "score": 1.0}]
    assert oks(garment, moved) == pytest.approx(engine.computeOks(1, 1)[0, 0], abs=1e-12)


def test_the_surest_prediction_chooses_first(evaluated):
    garment = as_garments(read_truth(evaluated.root / "truth.json", evaluated.table))[0]
    near = moved(garment, 0.5, score=0.4)
    nearer = moved(garment, 0.2, score=0.2)
    far = moved(garment, 40.0, score=0.9)
    (sample,) = match([garment], [far, nearer, near])
    assert sample.prediction is near and 0.5 < sample.oks < 1
    (sample,) = match([garment], [far])
    assert sample.prediction is far and sample.oks < 0.5  # better shown than hidden
    (sample,) = match([garment], [])
    assert sample.prediction is None and sample.oks == 0


def moved(garment, pixels, score):
    values = {"landmarks": garment.landmarks + np.array([pixels, 0, 0]), "score": score, "box_score": score}
    return replace(garment, **values)


def test_the_gallery_picks_neither_best_nor_worst(evaluated):
    garment = as_garments(read_truth(evaluated.root / "truth.json", evaluated.table))[0]
    samples = [Sample(garment, None, value / 100) for value in np.random.default_rng(0).permutation(101)]
    assert [sample.oks for sample in choose(samples, 1)] == [0.5]
    assert [sample.oks for sample in choose(samples, 2)] == [0.75, 0.25]
    assert choose(samples, 0) == [] and choose([], 5) == []
    assert len(choose(samples[:2], 9)) == 2


def test_extremes_are_the_worst_and_the_best_of_what_was_found(evaluated):
    garment = as_garments(read_truth(evaluated.root / "truth.json", evaluated.table))[0]
    samples = [Sample(garment, garment, value / 100) for value in np.random.default_rng(0).permutation(101)]
    worst, best = extremes(samples, 3)
    assert [one.oks for one in worst] == [0.0, 0.01, 0.02] and [one.oks for one in best] == [1.0, 0.99, 0.98]
    x, y, width, height = garment.box
    half = replace(garment, box=(x, y, width, height / 2))  # IoU 0.5
    beside = replace(garment, box=(x + width * 0.4, y, width, height))  # IoU 0.6 / 1.4
    assert extremes([Sample(garment, half, 0.9)], 3) == ([], [Sample(garment, half, 0.9)])
    assert extremes([Sample(garment, beside, 0.9), Sample(garment, None, 0.0)], 3) == ([], [])


def test_pictures_are_the_files_that_the_annotations_name(evaluated, tmp_path):
    truth = read_truth(evaluated.root / "truth.json", evaluated.table)
    truth = replace(truth, files={1: "img/img_00000001.jpg", 2: "gone.jpg"})  # as FLD's are called
    files = picture_files(truth, tmp_path)
    assert files == {1: tmp_path / "img" / "img_00000001.jpg", 2: tmp_path / "gone.jpg"}
    files[1].parent.mkdir()
    shutil.copy(evaluated.root / "image" / "000001.jpg", files[1])
    assert read_picture(files[1]).shape == (150, 120, 3)
    with pytest.raises(HemlineError, match=r"gone\.jpg: cannot be read"):
        read_picture(files[2])
    files[2].write_bytes(b"no picture")
    with pytest.raises(HemlineError, match=r"gone\.jpg: cannot be read"):
        read_picture(files[2])


def test_a_turned_picture_is_read_as_it_is_stored(tmp_path):
    """Annotations belong to the stored pixels, whatever the EXIF orientation asks for."""
    from PIL import Image

    picture = Image.fromarray(np.zeros((40, 60, 3), np.uint8))
    exif = picture.getexif()
    exif[0x0112] = 6  # turn by 90 degrees
    picture.save(tmp_path / "000001.jpg", exif=exif)
    assert cv2.imread(str(tmp_path / "000001.jpg")).shape == (60, 40, 3)
    assert read_picture(tmp_path / "000001.jpg").shape == (40, 60, 3)


def test_violations_are_told(tmp_path):
    finding = {"record": 3, "key": "score", "problem": "it is missing"}
    report = {"file": "a/test.zip", "records": 3, "images": 2, "violations": [finding], "warnings": []}
    path = tmp_path / "check.json"
    path.write_text(json.dumps({"test": report}))
    assert submission_lines(path) == (
        "Submission of the test split, test.zip: 3 garments in 2 pictures,"
        " 1 violation: record 3, score: it is missing.",
    )
    report["warnings"] = [{"record": None, "key": key, "problem": "it is odd"} for key in ("points", "score")]
    path.write_text(json.dumps({"test": report}))
    assert submission_lines(path)[0].endswith("; 2 warnings, the first: points: it is odd.")
    path.write_text(json.dumps({"test": {}}))
    with pytest.raises(HemlineError, match=r"check\.json"):
        submission_lines(path)
    assert submission_lines(tmp_path / "none.json") == () == submission_lines(None)
