"""Fixtures that several packages' tests share."""

import signal
from pathlib import Path

import pytest

# A shell that starts the tests in the background has them ignore Ctrl-C, and so all that they start to send it to.
signal.signal(signal.SIGINT, signal.default_int_handler)

DATA = Path(__file__).parents[2] / "shared" / "data"
SAMPLE = DATA / "deepfashion2-sample"
FLD_SAMPLE = DATA / "fld-sample"


@pytest.fixture(scope="session")
def deepfashion2_sample() -> Path:
    """A folder of real DeepFashion2 pictures with annotations; tests that need it pass without it."""
    if not (SAMPLE / "annos").is_dir():
        pytest.skip("no real DeepFashion2 pictures beside the project")
    return SAMPLE


@pytest.fixture(scope="session")
def fld_sample() -> Path:
    """A folder of real FLD pictures with mmpose's annotations; tests that need it pass without it."""
    if not (FLD_SAMPLE / "test_fld.json").is_file():
        pytest.skip("no real FLD pictures beside the project")
    return FLD_SAMPLE
