"""Tests of the decoding processes: limits, crashes, cancelling, and parallel use."""

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
# Each replaces the decoder; the process runs it before its first request.
STUCK = "import model.photos.decode as m, time; m.decode = lambda *_: time.sleep(600)"
BUSY = "from model.photos import decode as m, worker as w; w.SECONDS = 0.2; m.decode = lambda *_: max(iter(int, 1))"
CRASH = "import model.photos.decode as m, os; m.decode = lambda *_: os.abort()"
INVALID = "import os; os.write(1, {})"
GREEDY = "import model.photos.decode as m, numpy; m.decode = lambda *_: numpy.ones(2_000_000_000, numpy.uint8)"


@pytest.fixture
def decoders() -> Iterator[Decoders]:
    made = Decoders(processes=1)
    yield made
    made.processes.close()


@pytest.fixture
def behave(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Lets processes that are started later run some code first."""
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


def test_pixels_notes_and_refusals_are_passed_between_processes() -> None:
    transparent = encode(plain((255, 0, 0, 0), "RGBA"))
    pixels, notes = decode(transparent)
    photo = open_photo(transparent)
    np.testing.assert_array_equal(photo.pixels, pixels)
    assert photo.notes == notes == (Message("photo.all_transparent"),)
    assert photo.pixels.flags.writeable
    with pytest.raises(PhotoError) as caught:
        open_photo(encode(plain(size=(8, 900))))
    assert caught.value.args[0] == Message("photo.too_few_pixels", width=8, height=900, side=32)


def test_one_process_decodes_many_photos(decoders: Decoders) -> None:
    assert works(decoders)
    first = decoders.processes._free.queue[0]
    assert works(decoders)
    assert decoders.processes._free.queue == [first] and first is not None


@pytest.mark.slow
def test_crash_of_a_decoder_is_an_error_message_and_the_next_photo_opens(
    decoders: Decoders, behave: Callable[[str], None]
) -> None:
    behave(CRASH)
    assert problem(decoders) == "photo.broke_off"
    behave("")
    assert works(decoders)


def test_kill_during_decoding_is_an_error_message(decoders: Decoders, behave: Callable[[str], None]) -> None:
    behave(STUCK)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(problem, decoders)
        wait_until(lambda: apart.WATCH._tasks)
        (process,) = apart.WATCH._tasks
        process.kill()
        assert answer.result(PATIENCE) == "photo.broke_off"
    behave("")
    assert works(decoders)


@pytest.mark.slow
def test_process_that_ended_while_idle_is_replaced(decoders: Decoders) -> None:
    assert works(decoders)
    process = decoders.processes._free.queue[0]
    assert process is not None
    process.kill()
    wait_until(process.has_ended)
    assert works(decoders)


def test_decoding_that_takes_too_long_is_stopped(behave: Callable[[str], None]) -> None:
    decoders = Decoders(processes=1, seconds=0.2)
    behave(STUCK)
    assert problem(decoders) == "photo.too_slow"
    assert decoders.processes._free.queue == [None]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system does not limit the time of the processor")
def test_decoding_that_takes_too_much_processor_time_is_stopped(
    decoders: Decoders, behave: Callable[[str], None]
) -> None:
    behave(BUSY)
    assert problem(decoders) == "photo.too_slow"
    behave("")
    assert works(decoders)


@pytest.mark.slow
def test_cancelling_ends_the_process_and_allows_a_new_one(decoders: Decoders, behave: Callable[[str], None]) -> None:
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


@pytest.mark.slow
@pytest.mark.parametrize("output", [b"{" * 100, b"\0\0\0\2{{", b"\0\0\0\2\xff\xff"])
def test_process_with_invalid_output_is_replaced(
    decoders: Decoders, behave: Callable[[str], None], output: bytes
) -> None:
    behave(INVALID.format(output))
    assert problem(decoders) == "photo.broke_off"
    behave("")
    assert works(decoders)


def test_failed_start_of_a_process_is_an_error_message(decoders: Decoders, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", "/nowhere/python")
        assert problem(decoders) == "photo.no_decoder"
    assert works(decoders)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").is_file(), reason="memory is limited on Linux only")
def test_memory_above_the_limit_is_an_error_message(decoders: Decoders, behave: Callable[[str], None]) -> None:
    behave(GREEDY.replace("numpy.ones(2_000_000_000, numpy.uint8)", "(_ for _ in ()).throw(m.NeedsMemory)"))
    assert problem(decoders) == "photo.memory"
    decoders.processes.close()
    behave(GREEDY)
    assert problem(decoders) == "photo.broke_off"
    behave("")
    assert works(decoders)


@pytest.mark.slow
def test_large_photos_are_decoded_one_at_a_time_and_small_ones_do_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """So all decodings together need the memory of one large and one small photo."""
    small, large = (encode(plain(size=(side, side))) for side in (33, 1000))
    # Less than the large photo needs, and more than any process needs for a small one.
    monkeypatch.setattr(worker, "MEMORY", 20_000_000)
    decoders = Decoders()
    with ThreadPoolExecutor(3) as pool:
        with decoders._large:  # also released if the test fails, because the pool waits for the large photos
            waiting = [pool.submit(decoders.decode, large, lambda: False) for _ in range(2)]
            for _ in range(20):
                assert decoders.decode(small, lambda: False)[0].shape == (33, 33, 3)
            assert not any(answer.done() for answer in waiting)
        assert all(answer.result(PATIENCE)[0].shape == (1000, 1000, 3) for answer in waiting)
    decoders.processes.close()


@pytest.mark.slow
def test_format_that_needs_memory_before_its_size_is_known_can_be_opened(decoders: Decoders) -> None:
    """A few bytes of WebP encode the largest picture; the decoder allocates its memory when it opens the file."""
    data = encode(plain(size=(7_070, 7_070)), "WEBP", lossless=True)
    assert len(data) < 5_000
    assert decoders.decode(data, lambda: False)[0].shape == (7_070, 7_070, 3)


def test_damaged_photo_gets_the_error_for_damaged_files(decoders: Decoders) -> None:
    with pytest.raises(PhotoError) as caught:
        decoders.decode(PHOTO[:400], lambda: False)
    assert caught.value.args[0].key == "photo.damaged"


def test_waiting_large_photo_can_be_cancelled(monkeypatch: pytest.MonkeyPatch, decoders: Decoders) -> None:
    monkeypatch.setattr(worker, "MEMORY", 1_000)
    with decoders._large:
        assert problem(decoders, lambda: True) == "photo.cancelled"


def test_each_thread_gets_its_own_photo() -> None:
    photos = [encode(plain((shade, 0, 255 - shade))) for shade in range(0, 256, 8)]
    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(open_photo, photos))
    assert [int(photo.pixels[0, 0, 0]) for photo in opened] == list(range(0, 256, 8))


@pytest.mark.slow
def test_process_imports_only_packages_for_decoding() -> None:
    code = "import model.photos.decode, model.photos.worker, sys; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    heavy = {"cv2", "scipy", "skimage", "matplotlib", "gradio", "tensorflow", "ai_edge_litert", "pi_heif"}
    assert not heavy & set(loaded.stdout.split())


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is computed from /proc")
def test_memory_limit_of_a_photo_keeps_the_hard_limit_of_the_system() -> None:
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
