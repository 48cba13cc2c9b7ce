from __future__ import annotations

import pytest

from model.data import dataset


@pytest.fixture
def nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        pytest.fail("a face was looked for that the cache knows")

    monkeypatch.setattr(dataset, "process_pool", fail)
