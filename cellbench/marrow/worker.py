"""The program behind `iterate_records`: draws every n-th patch of a spec and writes the records to standard output."""

from __future__ import annotations

import sys

from cellbench.marrow.dataset import draw_record, record_bytes
from cellbench.marrow.spec import MarrowSpec


def main() -> None:
    """Arguments: the spec as JSON, the first patch, the step."""
    spec = MarrowSpec.model_validate_json(sys.argv[1])
    first, step = int(sys.argv[2]), int(sys.argv[3])
    try:
        for index in range(first, spec.n_patches, step):
            sys.stdout.buffer.write(record_bytes(draw_record(spec, index)))
            sys.stdout.buffer.flush()
    except (BrokenPipeError, KeyboardInterrupt):
        sys.stderr.close()  # whoever reads has gone, and knows why


if __name__ == "__main__":
    main()
