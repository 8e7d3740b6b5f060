"""The synthetic wardrobe: drawn garments in the layout of DeepFashion2 or FLD, for whoever lacks the data set."""

from hemline.datasets.synthetic.plan import shares
from hemline.datasets.synthetic.synthesis import WRITERS, Counts, planned, synthesize
from hemline.datasets.synthetic.writer import SPLITS

__all__ = ["SPLITS", "WRITERS", "Counts", "planned", "shares", "synthesize"]
