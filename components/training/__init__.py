"""Training populations of networks: one trainer, one technique a file.

`population.py` is the trainer: K models of one structure in one go; `stepper.py` makes their steps, `moves.py` says
what each does with its gradient. Around them, a file or a folder each: `batches.py`, `losses/`, `optimizers/`,
`schedules/`, `clipping.py`, `averaging.py`, `early_stopping.py`, `paused.py` (`resting_files.py`). `evaluate.py` is
what a search drives: `turns.py` decides who is trained next, `worker.py`, `group_run.py` and `candidate_run.py` do it,
`prepared.py` feeds them, `member.py` is what they leave. Settings are in `spec.py`, what goes with which task in
`fitting.py`.
"""
