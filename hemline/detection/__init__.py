"""Garment detectors on mmdet: Cascade R-CNN and HTC, trained and run by settings."""

from hemline.detection.detector import Boxes, Detector, detect_images
from hemline.detection.folder import read_settings, write_settings
from hemline.detection.network import build_detector
from hemline.detection.training import train_detector

__all__ = [
    "Boxes",
    "Detector",
    "build_detector",
    "detect_images",
    "read_settings",
    "train_detector",
    "write_settings",
]
