"""Errors with messages for users, and functions that put any error into one line.

Users see only the message of a ``UserError``. Every other error is a bug: its message and traceback go into the log.
"""

from model.i18n.catalogue import Message

OPENCV_OUT_OF_MEMORY = -4  # cv2.Error.StsNoMem


class UserError(Exception):
    """A user's request can't be met; the message is one sentence that says why and what to do.

    It is not a ``ValueError``: code that catches ``UserError`` to show its message must never catch a library's error.
    """


class ArtifactError(UserError):
    """A model folder or model file can't be used; the message says what is wrong with it and what to do."""


class FieldError(UserError):
    """A field of a model's card has a wrong value; the message names the field and the value."""


class DatasetError(UserError):
    """A data folder can't be used; the message says why."""


class PhotoError(UserError):
    """A photo can't be used; the message is one sentence for the user and never contains a path."""


class ClipError(UserError):
    """A clip can't be used; the message is one sentence for the user and never contains a path."""


class SettingsError(UserError):
    """A setting is out of range; the message names the setting, its value and the allowed range."""


class ArchitectureError(ArtifactError):
    """The requested network can't be built; the message says what is possible."""


class PretrainedError(ArchitectureError):
    """ImageNet weights are not available; the message says why and what to do."""


class TrainingError(ArtifactError):
    """The requested training is not possible; the message says why."""


class RunError(ArtifactError):
    """A run's folder can't be used; the message says why."""


class NotRebuilt(ArtifactError):
    """A network can't be rebuilt from its description; its weights may still fit one of our architectures."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether there was too little memory for Python, OpenCV or TensorFlow, none of which is imported here."""
    of_opencv = type(error).__name__ == "error" and getattr(error, "code", 0) == OPENCV_OUT_OF_MEMORY
    return of_opencv or isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError"


def one_line(error: BaseException) -> str:
    """An error in one line of at most 200 characters, without a full stop; HDF5 describes a full disk in several."""
    text = str(error).strip()
    if isinstance(error, OSError):
        text = error.strerror or ("No space left on device" if "No space left" in text else text)
    return (text or type(error).__name__).splitlines()[0][:200].rstrip(".")


def message_of(error: BaseException) -> Message | str:
    """An error's message as a sentence; a ``Message`` is returned as it is, so that it can still be translated."""
    message = error.args[0] if error.args else None
    return message if isinstance(message, Message) else f"{one_line(error)}."
