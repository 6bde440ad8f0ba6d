"""The plumbing of the two engines: DVC says what is up to date, Prefect runs it.

Importing it keeps every numeric library at one thread, here and in the processes that are started from here: work is
spread over processes, one per core (two threads fighting for a core cost a hundredfold), and sums do not depend on
the machine. So it must come before numpy, which `pipelines/__main__.py` sees to.
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
