from __future__ import annotations

import pytest

from model.data import dataset


@pytest.fixture
def no_face_search(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        pytest.fail("searched for a face that is in the cache")

    monkeypatch.setattr(dataset, "process_pool", fail)
