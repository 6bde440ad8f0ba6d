"""Failures are data: four causes, each with its message.

diverged (the loss became no number), out_of_memory, deadline (it hung past its own limit and was killed), error (with
what the library said). Whoever is cut off by the end of the stage has not failed: it has no outcome.
"""

CAUSES = ("diverged", "out_of_memory", "deadline", "error")


def word_of(cause: str | None) -> str:
    """Return the cause without its message: "error: matrix is singular" -> "error"."""
    return (cause or "").partition(":")[0].strip()


def message_of(cause: str | None) -> str:
    """Return the message behind a cause, or an empty text."""
    return (cause or "").partition(":")[2].strip()
