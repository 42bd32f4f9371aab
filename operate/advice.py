"""What `kluis doctor` says about one thing that it looked at."""

from dataclasses import dataclass

OK, RISK, WRONG = "ok", "risk", "wrong"


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing looked at: `level` is ok, risk or wrong; `do` says what to do, empty for ok."""

    level: str
    what: str
    do: str = ""
