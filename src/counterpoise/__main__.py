"""``python -m counterpoise``: the same as the ``counterpoise`` command."""

from __future__ import annotations

from counterpoise.cli.main import main

if __name__ == "__main__":
    main()
