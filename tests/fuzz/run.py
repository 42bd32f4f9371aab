"""Coverage-guided fuzzing of the decoders with atheris: `make fuzz`, `python -m tests.fuzz.run`.

    python -m tests.fuzz.run                   each decoder in turn, FUZZ_SECONDS (10) each
    python -m tests.fuzz.run "grant code" box  these decoders

What makes a decoder fail is kept in FUZZ_FOLDER/found (.fuzz/found by default). Move the file to
tests/fuzz/found/<decoder>/ and mend the decoder: from then on it is a test. The inputs that reached
something new are kept in FUZZ_FOLDER/corpus, where the next run begins.
"""

import hashlib
import os
import sys
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

atheris: Any = import_module("atheris")  # not on every platform, and without types

with atheris.instrument_imports(
    include=["api", "audit", "catalogue", "consent", "crypto", "vault"]
):
    from tests.fuzz.decoders import DECODERS, Decoder

SECONDS = os.environ.get("FUZZ_SECONDS", "10")
RUNS = os.environ.get("FUZZ_RUNS", "-1")  # at most so many inputs each; -1: no such limit
FOLDER = Path(os.environ.get("FUZZ_FOLDER", ".fuzz"))
INPUT_BYTES_MAX = 4096


def main(wanted: list[str]) -> int:
    """Each decoder in a process of its own: libFuzzer ends the one it runs in."""
    chosen = [one for one in DECODERS if not wanted or one.name in wanted]
    failed = [decoder.name for decoder in chosen if not runs_well(decoder)]
    told = f"{len(chosen)} decoders, {SECONDS} seconds each; failed: {', '.join(failed) or 'none'}"
    sys.stdout.write(told + "\n")
    return 1 if failed else 0


def runs_well(decoder: Decoder) -> bool:
    child = os.fork()
    if child == 0:
        try:
            fuzz(decoder)
        except BaseException:  # noqa: BLE001 - whatever it is, the child ends here
            traceback.print_exc()
        os._exit(1)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0


def fuzz(decoder: Decoder) -> None:
    """Does not return: libFuzzer exits, with 0 where nothing was found."""
    name = decoder.name.replace(" ", "-")
    corpus, found = FOLDER / "corpus" / name, FOLDER / "found" / name
    for folder in (corpus, found):
        folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(decoder.seeds):
        (corpus / f"seed-{number}").write_bytes(seed)

    def probe(data: bytes) -> None:
        try:
            decoder.probe(data)
        except Exception:
            (found / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
            raise

    arguments = [
        sys.argv[0],
        f"-max_total_time={SECONDS}",
        f"-runs={RUNS}",
        f"-max_len={INPUT_BYTES_MAX}",
        f"-artifact_prefix={found}/",
        "-timeout=10",
        "-verbosity=0",
        "-print_final_stats=1",
        str(corpus),
    ]
    atheris.Setup(arguments, probe)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
