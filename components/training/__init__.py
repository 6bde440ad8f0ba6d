"""Training populations of networks: one trainer, one technique a file.

`population.py` is the trainer: K models of one structure in one go. Around it, a file each: `batches.py`, `losses.py`,
`optimizers.py`, `schedules.py`, `early_stopping.py`, `paused.py`. `evaluate.py` is what a search drives: `schedule.py`
decides who is trained next, `worker.py` and `candidate_run.py` do it, `prepared.py` feeds them, `member.py` is what
they leave. Settings are in `spec.py`.
"""
