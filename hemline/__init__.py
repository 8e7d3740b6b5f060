"""Hemline trains, compares and ships clothes-landmark detectors."""

__version__ = "0.1.0"
