"""Small detectors and pictures to feed them, as the detectors' own tests have them."""

from tests.detection.conftest import shop, small, stocked

__all__ = ["shop", "small", "stocked"]
