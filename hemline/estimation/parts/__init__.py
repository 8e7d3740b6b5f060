"""What mmpose lacks of the networks: backbones, heads, a loss and a codec, in its registries.

Importing one of these modules imports mmpose; the config files in configs/estimation name them (`custom_imports`).
"""
