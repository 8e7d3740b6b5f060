"""Landmark estimators' networks, one module a type: its mmengine config, and the parts that mmpose lacks."""
