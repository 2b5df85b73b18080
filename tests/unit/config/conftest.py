from __future__ import annotations

from pathlib import Path

import pytest

from counterpoise.config import Settings, load
from tests.unit.config.good import ENV, Change, Load, Write, changed


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write the good config with changes as c.yaml of the current folder, beside a secret file."""
    monkeypatch.chdir(tmp_path)

    def write(*changes: Change) -> Path:
        secret = tmp_path / "secret"
        secret.write_text("fake-secret-of-a-test\n")
        secret.chmod(0o600)
        path = Path("c.yaml")
        path.write_text(changed(*changes))
        return path

    return write


@pytest.fixture
def loaded(write: Write) -> Load:
    def loaded(*changes: Change, env: dict[str, str] | None = None) -> Settings:
        return load(write(*changes), ENV if env is None else env)

    return loaded
