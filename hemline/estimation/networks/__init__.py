"""Landmark estimators' networks, one module a type: settings to mmengine's config. Their own parts: ../parts."""
