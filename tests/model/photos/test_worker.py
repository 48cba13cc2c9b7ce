"""Tests of the decoding processes: what they cost the server when a file, the system or a visitor ends one."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model import apart
from model.errors import PhotoError
from model.i18n.catalogue import Message
from model.photos import worker
from model.photos.decode import decode
from model.photos.photo import open_photo
from model.photos.worker import Decoders
from tests.support.photo_files import encode, gradient, plain

ROOT = Path(__file__).resolve().parents[3]
PHOTO = encode(Image.fromarray(gradient()), "JPEG")
PATIENCE = 60  # seconds
# Stands in for a decoder; runs in the process before its first request.
STUCK = "import model.photos.decode as m, time; m.decode = lambda *_: time.sleep(600)"
BUSY = "from model.photos import decode as m, worker as w; w.SECONDS = 0.2; m.decode = lambda *_: max(iter(int, 1))"
CRASH = "import model.photos.decode as m, os; m.decode = lambda *_: os.abort()"
BABBLE = "import os; os.write(1, {})"
GREEDY = "import model.photos.decode as m, numpy; m.decode = lambda *_: numpy.ones(2_000_000_000, numpy.uint8)"


@pytest.fixture
def decoders() -> Iterator[Decoders]:
    made = Decoders(processes=1)
    yield made
    made.processes.close()


@pytest.fixture
def behave(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes processes that start from now on run some code first."""
    popen = subprocess.Popen

    def start(command: list[str], **options: object) -> subprocess.Popen[bytes]:
        code = f"{current[0]}; from model.photos.worker import main; main()"
        return popen([sys.executable, "-c", code] if current[0] else command, **options)  # type: ignore[call-overload]

    current = [""]
    monkeypatch.setattr(apart.subprocess, "Popen", start)
    return lambda code: current.__setitem__(0, code)


def problem(decoders: Decoders, cancelled: Callable[[], bool] = lambda: False) -> str:
    with pytest.raises(PhotoError) as caught:
        decoders.decode(PHOTO, cancelled)
    return caught.value.args[0].key


def works(decoders: Decoders) -> bool:
    return bool((decoders.decode(PHOTO, lambda: False)[0] == decode(PHOTO)[0]).all())


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_pixels_notes_and_refusals_come_through() -> None:
    transparent = encode(plain((255, 0, 0, 0), "RGBA"))
    pixels, notes = decode(transparent)
    photo = open_photo(transparent)
    np.testing.assert_array_equal(photo.pixels, pixels)
    assert photo.notes == notes == (Message("photo.all_transparent"),)
    assert photo.pixels.flags.writeable
    with pytest.raises(PhotoError) as caught:
        open_photo(encode(plain(size=(8, 900))))
    assert caught.value.args[0] == Message("photo.too_few_pixels", width=8, height=900, side=32)


def test_one_process_serves_many_photos(decoders: Decoders) -> None:
    assert works(decoders)
    first = decoders.processes._free.queue[0]
    assert works(decoders)
    assert decoders.processes._free.queue == [first] and first is not None


def test_crash_of_a_decoder_is_a_sentence_and_the_next_photo_opens(
    decoders: Decoders, behave: Callable[[str], None]
) -> None:
    behave(CRASH)
    assert problem(decoders) == "photo.broke_off"
    behave("")
    assert works(decoders)


def test_process_that_is_killed_in_mid_decode_is_a_sentence(decoders: Decoders, behave: Callable[[str], None]) -> None:
    behave(STUCK)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(problem, decoders)
        wait_until(lambda: apart.WATCH._tasks)
        (process,) = apart.WATCH._tasks
        process.kill()
        assert answer.result(PATIENCE) == "photo.broke_off"
    behave("")
    assert works(decoders)


def test_process_that_ended_while_idle_is_replaced(decoders: Decoders) -> None:
    assert works(decoders)
    process = decoders.processes._free.queue[0]
    assert process is not None
    process.kill()
    wait_until(process.has_ended)
    assert works(decoders)


def test_decoding_that_takes_too_long_is_broken_off(behave: Callable[[str], None]) -> None:
    decoders = Decoders(processes=1, seconds=0.2)
    behave(STUCK)
    assert problem(decoders) == "photo.too_slow"
    assert decoders.processes._free.queue == [None]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system does not limit the time of the processor")
def test_decoding_that_takes_too_much_of_the_processor_is_broken_off(
    decoders: Decoders, behave: Callable[[str], None]
) -> None:
    behave(BUSY)
    assert problem(decoders) == "photo.too_slow"
    behave("")
    assert works(decoders)


def test_cancelling_ends_the_process_and_frees_its_place(decoders: Decoders, behave: Callable[[str], None]) -> None:
    behave(STUCK)
    cancel = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        decoding = pool.submit(problem, decoders, cancel.is_set)
        wait_until(lambda: apart.WATCH._tasks)
        (process,) = apart.WATCH._tasks
        waiting = pool.submit(problem, decoders, cancel.is_set)
        cancel.set()
        assert decoding.result(PATIENCE) == waiting.result(PATIENCE) == "photo.cancelled"
    assert process.has_ended()
    behave("")
    assert works(decoders)


@pytest.mark.parametrize("nonsense", [b"{" * 100, b"\0\0\0\2{{", b"\0\0\0\2\xff\xff"])
def test_process_that_talks_nonsense_is_replaced(
    decoders: Decoders, behave: Callable[[str], None], nonsense: bytes
) -> None:
    behave(BABBLE.format(nonsense))
    assert problem(decoders) == "photo.broke_off"
    behave("")
    assert works(decoders)


def test_start_that_fails_is_a_sentence(decoders: Decoders, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", "/nowhere/python")
        assert problem(decoders) == "photo.no_decoder"
    assert works(decoders)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").is_file(), reason="memory is limited on Linux only")
def test_memory_beyond_the_limit_is_a_sentence(decoders: Decoders, behave: Callable[[str], None]) -> None:
    behave(GREEDY.replace("numpy.ones(2_000_000_000, numpy.uint8)", "(_ for _ in ()).throw(m.NeedsMemory)"))
    assert problem(decoders) == "photo.memory"
    decoders.processes.close()
    behave(GREEDY)
    assert problem(decoders) == "photo.broke_off"
    behave("")
    assert works(decoders)


@pytest.mark.slow
def test_large_photos_are_decoded_one_at_a_time_and_small_ones_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory of all decodings together stays within one large and one small."""
    small, large = (encode(plain(size=(side, side))) for side in (33, 1000))
    # Less than the large one needs, and more than what a process takes for any photo.
    monkeypatch.setattr(worker, "MEMORY", 20_000_000)
    decoders = Decoders()
    with ThreadPoolExecutor(3) as pool:
        with decoders._large:  # given back if the test fails, too: the pool waits for the large photos
            waiting = [pool.submit(decoders.decode, large, lambda: False) for _ in range(2)]
            for _ in range(20):
                assert decoders.decode(small, lambda: False)[0].shape == (33, 33, 3)
            assert not any(answer.done() for answer in waiting)
        assert all(answer.result(PATIENCE)[0].shape == (1000, 1000, 3) for answer in waiting)
    decoders.processes.close()


@pytest.mark.slow
def test_format_that_needs_memory_before_its_size_is_known_opens(decoders: Decoders) -> None:
    """A few bytes of WebP stand for the largest picture; its decoder makes room for it when it is opened."""
    data = encode(plain(size=(7_070, 7_070)), "WEBP", lossless=True)
    assert len(data) < 5_000
    assert decoders.decode(data, lambda: False)[0].shape == (7_070, 7_070, 3)


def test_damaged_photo_is_called_damaged(decoders: Decoders) -> None:
    with pytest.raises(PhotoError) as caught:
        decoders.decode(PHOTO[:400], lambda: False)
    assert caught.value.args[0].key == "photo.damaged"


def test_large_photo_that_waits_can_be_cancelled(monkeypatch: pytest.MonkeyPatch, decoders: Decoders) -> None:
    monkeypatch.setattr(worker, "MEMORY", 1_000)
    with decoders._large:
        assert problem(decoders, lambda: True) == "photo.cancelled"


def test_many_threads_get_their_own_photos() -> None:
    photos = [encode(plain((shade, 0, 255 - shade))) for shade in range(0, 256, 8)]
    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(open_photo, photos))
    assert [int(photo.pixels[0, 0, 0]) for photo in opened] == list(range(0, 256, 8))


def test_process_imports_no_more_than_decoding_needs() -> None:
    code = "import model.photos.decode, model.photos.worker, sys; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    heavy = {"cv2", "scipy", "skimage", "matplotlib", "gradio", "tensorflow", "ai_edge_litert", "pi_heif"}
    assert not heavy & set(loaded.stdout.split())


@pytest.mark.skipif(sys.platform != "linux", reason="the limit counts from what /proc says")
def test_limit_of_a_photo_leaves_the_limit_that_the_system_sets() -> None:
    program = """
import resource
resource.setrlimit(resource.RLIMIT_AS, (2**36, 2**36))
from model.apart import limit
limit(10**9, 60)
print(*resource.getrlimit(resource.RLIMIT_AS))
"""
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    most, highest = map(int, ended.stdout.split())
    assert most < 2**36 == highest
