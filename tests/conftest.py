"""Fixtures that several packages' tests share."""

from pathlib import Path

import pytest

SAMPLE = Path(__file__).parents[2] / "shared" / "data" / "deepfashion2-sample"


@pytest.fixture(scope="session")
def deepfashion2_sample() -> Path:
    """A folder of real DeepFashion2 pictures with annotations; tests that need it pass without it."""
    if not (SAMPLE / "annos").is_dir():
        pytest.skip("no real DeepFashion2 pictures beside the project")
    return SAMPLE
