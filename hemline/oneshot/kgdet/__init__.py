"""Paper 003's networks with landmarks: KGDet, and RepPoints with a landmark head.

In the order of the work: pyramid.py makes the feature maps; points.py samples them at points and makes boxes of these;
head.py is KGDet's head, reppoints.py that of RepPoints-Kp; mirroring.py fuses their maps with those of what is
mirrored; assigning.py says which point learns which garment, losses.py what that costs; decoding.py turns maps into
garments. detector.py puts them together, config.py makes whole models of settings.
"""
