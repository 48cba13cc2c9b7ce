"""Errors that are written for a user, and what they say in one line."""

from model.i18n.catalogue import Said


class ArtifactError(ValueError):
    """A model folder cannot be used; the message says what is wrong with it and what to do."""


def reason_of(error: BaseException) -> str:
    """An error in one line without its full stop; HDF5 tells a full disk in several."""
    told = str(error).strip()
    if isinstance(error, OSError):
        told = error.strerror or ("No space left on device" if "No space left" in told else told)
    return (told or type(error).__name__).splitlines()[0][:200].rstrip(".")


def told_by(error: BaseException) -> Said | str:
    """What an error says, as a sentence; one of ours stays in every language."""
    said = error.args[0] if error.args else None
    return said if isinstance(said, Said) else f"{reason_of(error)}."


class DatasetError(ValueError):
    """A data folder cannot be used; the message says why."""


class PhotoError(ValueError):
    """A photo cannot be used; the message is one sentence for the user and never holds a path."""


class ArchitectureError(ArtifactError):
    """No network can be built as asked; the message says what is possible."""


class PretrainedError(ArchitectureError):
    """ImageNet weights can't be had; the message says why and what to do."""


class TrainingError(ArtifactError):
    """A training can't be done as asked; the message says why."""


class RunError(ArtifactError):
    """A run's folder can't be used; the message says why."""


class NotRebuilt(ArtifactError):
    """The description can't be followed; the weights may still fit an architecture that is known."""
