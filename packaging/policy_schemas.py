"""JSON Schemas of the policy files, for editors: `make docs` writes them into policies/schemas."""

import json
import sys
from pathlib import Path

from pydantic import BaseModel

from gateway.law import LawPack
from gateway.record.policy_check import SHAPES

DIALECT = "https://json-schema.org/draft/2020-12/schema"


_SHAPES: dict[str, type[BaseModel]] = {**SHAPES, "law.toml": LawPack}


def schema_name(file: str) -> str:
    """Return the file name of a policy file's schema in schemas/."""
    return f"{file.removesuffix('.toml')}.schema.json"


def schemas() -> dict[str, str]:
    """Return the text of each schema by name."""
    return {
        schema_name(file): json.dumps(
            {"$schema": DIALECT, **shape.model_json_schema()}, indent=1, ensure_ascii=False
        )
        + "\n"
        for file, shape in _SHAPES.items()
    }


def write_schemas(folder: Path) -> None:
    """Write every schema into a folder."""
    folder.mkdir(exist_ok=True)
    for name, text in schemas().items():
        (folder / name).write_text(text, "utf-8")


if __name__ == "__main__":
    write_schemas(Path(sys.argv[1]))
