"""Sweeps: studies over any keys of params.yaml.

In the order of the work: `definition` reads what is searched, `identity` says what DVC would tell trials by, `study`
hands trials out to workers, `worker` takes them, `training` and `settling` do them, `page` shows what came of them.
"""
