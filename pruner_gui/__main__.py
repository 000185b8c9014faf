"""`pruner-gui [MODEL [DATA]]` opens the window; `pruner-gui VERB ...` is the command line."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main() -> int:
    """Run the program; return its exit code."""
    arguments = sys.argv[1:]
    from pruner_gui import cli

    if arguments and (arguments[0] in cli.VERBS or arguments[0].startswith("-")):
        return cli.main(arguments)
    if sys.platform == "linux" and not any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    ):
        print("There is no display to open a window on. Use a command: pruner-gui --help", file=sys.stderr)
        return 1
    from pruner_gui.gui import app

    return app.run([Path(name) for name in arguments])


if __name__ == "__main__":
    sys.exit(main())
