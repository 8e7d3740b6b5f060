"""Runs dvc.yaml's stages side by side, as a Prefect flow.

In the order of the work: `graph` reads DVC's graph, `plan` says what would run and why, `flow` makes a task run of
each stage, `leases` hands out GPUs and CPU slots, `execute` has DVC run one stage on one of them (`remote`: on another
machine), `process` owns its processes with the help of `guard`; `run` and `summary` keep what became of it.
"""
