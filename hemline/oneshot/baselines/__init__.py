"""Paper 003's baselines: mmdet's RetinaNet, FCOS and RepPoints, and Mask R-CNN with a landmark head.

config.py sizes the models of configs/oneshot; reppoints.py and landmarks.py are the parts that mmdet lacks, and
heatmaps.py reads landmarks off heatmaps.
"""
