"""One-shot networks on mmdet: garments and their landmarks at once (papers 001 and 003), with their baselines.

In the order of the work: pictures.py, placing.py and transforms.py make samples; deepmark/, kgdet/ and baselines/ are
the networks (network.py builds one of any type); training.py and schedule.py train it; dense.py and deepmark/finding.py
run it, found.py is what it finds; finding.py and predictor.py give garments.
"""

from hemline.oneshot.finding import OneShot, find_images
from hemline.oneshot.network import build_oneshot
from hemline.oneshot.training import train_oneshot

__all__ = ["OneShot", "build_oneshot", "find_images", "train_oneshot"]
