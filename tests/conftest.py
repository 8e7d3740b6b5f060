"""Fixtures that several packages' tests share."""

import signal
from pathlib import Path

import pytest

# A shell that starts the tests in the background has them ignore Ctrl-C, and so all that they start to send it to.
signal.signal(signal.SIGINT, signal.default_int_handler)

SAMPLE = Path(__file__).parents[2] / "shared" / "data" / "deepfashion2-sample"


@pytest.fixture(scope="session")
def deepfashion2_sample() -> Path:
    """A folder of real DeepFashion2 pictures with annotations; tests that need it pass without it."""
    if not (SAMPLE / "annos").is_dir():
        pytest.skip("no real DeepFashion2 pictures beside the project")
    return SAMPLE
