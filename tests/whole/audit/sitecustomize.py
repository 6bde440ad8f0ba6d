"""Notes every module that is executed in a stage's processes; on the path of the children alone (PYTHONPATH).

The interpreter imports this before anything else. The audit event tells of each module as it is executed, whichever
way it is imported and however its process ends. Worker processes belong to the stage that started them.
"""

import os
import sys

FOLDER = os.environ.get("AUDIT_FOLDER", "")

if sys.orig_argv[-3:-1] == ["-m", "pipelines"]:
    os.environ["AUDIT_STAGE"] = sys.orig_argv[-1]

if FOLDER and os.environ.get("AUDIT_STAGE"):
    note = os.open(f"{FOLDER}/{os.environ['AUDIT_STAGE']}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def hook(event: str, arguments: tuple) -> None:
        if event == "exec":
            code = arguments[0]
            if code.co_name == "<module>" and code.co_filename[:1] == "/":
                os.write(note, f"{code.co_filename}\n".encode())

    sys.addaudithook(hook)
