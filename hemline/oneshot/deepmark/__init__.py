"""DeepMark (paper 001): CenterNet with landmark heatmaps, on mmdet.

In the order of the work: fitting.py and transforms.py make samples; dla.py, hourglass.py, head.py and detector.py are
the network (config.py sizes it, centernet.py names its published weights), targets.py and losses.py what it learns,
decoding.py what its maps say; finding.py gives garments.
"""
