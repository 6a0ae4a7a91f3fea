"""`python -m tidegate` and the command `tidegate`."""

import sys
from collections.abc import Sequence

from tidegate.interfaces.exits import exit_code


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns: its exit code. `arguments` are those of the process if left out."""

    def run() -> int:
        from tidegate.interfaces.cli import run_command  # here, so that a signal while it loads ends quietly too

        return run_command(arguments)

    return exit_code(run)


if __name__ == "__main__":
    sys.exit(main())
