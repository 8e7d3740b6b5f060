"""One module a DVC stage, named as the stage: read params, call hemline, write outs."""
