"""Program of the processes of `iterate_records`: draws every n-th patch and writes the records to standard output."""

from __future__ import annotations

import sys

from cellbench.marrow.dataset import draw_record, record_bytes
from cellbench.marrow.spec import MarrowSpec


def main() -> None:
    """Draw the patches of the command line: spec as JSON, index of the first patch, step."""
    spec = MarrowSpec.model_validate_json(sys.argv[1])
    first, step = int(sys.argv[2]), int(sys.argv[3])
    try:
        for index in range(first, spec.n_patches, step):
            sys.stdout.buffer.write(record_bytes(draw_record(spec, index)))
            sys.stdout.buffer.flush()
    except (BrokenPipeError, KeyboardInterrupt):
        sys.stderr.close()  # the reader has ended and reports the reason


if __name__ == "__main__":
    main()
