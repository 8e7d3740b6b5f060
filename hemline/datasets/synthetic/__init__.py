"""The synthetic wardrobe: drawn garments in the layouts of DeepFashion2, FLD and FashionAI, for whoever lacks them."""

from hemline.datasets.synthetic.plan import shares
from hemline.datasets.synthetic.synthesis import WRITERS, Counts, planned, synthesize
from hemline.datasets.synthetic.writer import SPLITS

__all__ = ["SPLITS", "WRITERS", "Counts", "planned", "shares", "synthesize"]
