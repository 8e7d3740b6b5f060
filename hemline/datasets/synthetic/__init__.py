"""The synthetic wardrobe: drawn garments in DeepFashion2's own layout, for whoever lacks the data set."""

from hemline.datasets.synthetic.plan import shares
from hemline.datasets.synthetic.writer import Counts, synthesize

__all__ = ["Counts", "shares", "synthesize"]
