"""Write the documents that are made from the code: `docs/asyncapi.yaml` and `docs/dependencies.md`."""

from __future__ import annotations

from pathlib import Path

import yaml

from contracts.asyncapi import document
from docs import dependencies


def main() -> None:
    """Write every generated document."""
    text = yaml.safe_dump(document(), sort_keys=False, allow_unicode=True, width=120)
    header = "# Generated from contracts/ by `make docs`; do not edit.\n"
    (Path(__file__).parent / "asyncapi.yaml").write_text(header + text, encoding="utf-8")
    dependencies.PAGE.write_text(dependencies.page(), encoding="utf-8")


if __name__ == "__main__":
    main()
