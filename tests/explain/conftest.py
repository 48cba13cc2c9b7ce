"""What all tests of ``explain`` share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.remembered import NETWORKS

OF_THEIR_OWN = "regions"  # its tests are about one of these networks


@pytest.fixture(scope="module", autouse=True)
def faces_are_looked_at_once(request: pytest.FixtureRequest) -> Iterator[None]:
    """To find the face of the same few photos and its parts takes most of an analysis's time."""
    with pytest.MonkeyPatch.context() as patched:
        if request.path.parent.name != OF_THEIR_OWN:
            for module, name, network in NETWORKS:
                patched.setattr(module, name, network)
        yield
