"""Values of params.yaml to change."""

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]


@pytest.fixture
def demo():
    return yaml.safe_load((ROOT / "params/demo.yaml").read_text())


@pytest.fixture
def fashionai():
    return yaml.safe_load((ROOT / "params/fashionai.yaml").read_text())
