"""A date as numbers: the days that passed, the parts that people name, and sine and cosine of those that come round.

    elapsed   days since 1970, a real number: what grows, grows with it
    parts     year, month 1-12, day 1-31, weekday 0-6 from Monday, hour 0-24 with its fraction: what a tree can split
    cyclic    for networks and lines, which should know that December is beside January: sine and cosine of the place in
              the year, in the month, in the week and in the day

Times are UTC. A missing date misses all of its parts.

Legend: n rows, P numbers of one date.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.data.preprocessing.spec import Dates

SECONDS_A_DAY = 86_400
DAYS_A_YEAR = 365.2425
FURTHEST_SECONDS = 1e14  # three million years: fits every unit of numpy's dates
PARTS = ("days", "year", "month", "day", "weekday", "hour")
CYCLES = ("year", "month", "week", "day")


def names(dates: Dates) -> tuple[str, ...]:
    """Name the numbers that one date becomes, in order."""
    if dates == "elapsed":
        return PARTS[:1]
    waves = [f"{wave} of {cycle}" for cycle in CYCLES for wave in ("sine", "cosine")]
    return PARTS if dates == "parts" else (*PARTS, *waves)


def numbers(seconds_n: NDArray[Any], dates: Dates) -> NDArray[np.float64]:
    """Turn seconds since 1970 UTC (NaN: missing) into numbers [n, P]."""
    missing_n = np.isnan(seconds_n)
    held_n = np.clip(np.where(missing_n, 0.0, seconds_n), -FURTHEST_SECONDS, FURTHEST_SECONDS)
    day_n, second_n = np.divmod(held_n, SECONDS_A_DAY)
    columns = [held_n / SECONDS_A_DAY]
    if dates != "elapsed":
        date_n = day_n.astype(np.int64).astype("datetime64[D]")
        month_n = date_n.astype("datetime64[M]")
        year_n = date_n.astype("datetime64[Y]")
        in_month_n = (date_n - month_n.astype("datetime64[D]")).astype(np.float64)
        in_year_n = (date_n - year_n.astype("datetime64[D]")).astype(np.float64)
        weekday_n = np.mod(day_n + 3, 7)  # 1970 began on a Thursday
        share_n = second_n / SECONDS_A_DAY
        columns += [year_n.astype(np.float64) + 1970, np.mod(month_n.astype(np.float64), 12) + 1]
        columns += [in_month_n + 1, weekday_n, 24 * share_n]
        if dates == "cyclic":
            length_n = ((month_n + 1).astype("datetime64[D]") - month_n.astype("datetime64[D]")).astype(np.float64)
            places = [
                (in_year_n + share_n) / DAYS_A_YEAR,
                (in_month_n + share_n) / length_n,
                (weekday_n + share_n) / 7,
                share_n,
            ]
            columns += [wave(2 * np.pi * place_n) for place_n in places for wave in (np.sin, np.cos)]
    found_nP = np.stack(columns, axis=1)
    found_nP[missing_n] = np.nan
    return found_nP
