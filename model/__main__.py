"""All commands in one place: ``python -m model`` lists them, ``python -m model train --help`` explains one."""

from collections.abc import Callable
from pkgutil import resolve_name

import typer

from model.cli import app_of, new_app, run_app

NAME = "python -m model"
# The function of each command, and its line in the list. The module is imported only when the command runs.
COMMANDS = {
    "train": ("model.training.train:train", "Train a network on any folder of real and fake pictures."),
    "train_paired": (
        "model.paired.train:train",
        "Train as the shipped model was trained: on fakes beside their real twins.",
    ),
    "resynthesise": ("model.twins.resynthesise:resynthesise", "Make aligned fakes of real faces, for train_paired."),
    "tune": ("model.studies.tune:tune", "Search the training arguments with the best validation AUC."),
    "train_steady": (
        "model.paired.steady:train_steady",
        "Train a model to give one answer for all harmless versions of a picture.",
    ),
    "tune_attention": ("model.paired.tune_attention:tune_attention", "Train only the attention mask."),
    "average": ("model.paired.average:average_models", "Average the weights of two models."),
    "combine": ("model.paired.combine:combine", "Combine several models into one that answers with all of them."),
    "finish": ("model.finish:finish", "Calibrate and evaluate a run's model, and write its model card."),
    "calibrate": (
        "model.evaluation.calibrate:calibrate",
        "Fit temperature, bias and inconclusive band on validation pictures.",
    ),
    "evaluate": ("model.evaluation.evaluate:evaluate", "Measure models on every data set, with intervals and charts."),
    "unseen": ("model.unseen.unseen:unseen", "Measure a model on sources and generators that it was not trained on."),
    "model_card": ("model.model_card.document:write_model_card", "Write a model's card as a document."),
    "compare": (
        "model.studies.compare:compare",
        "Train several architectures under the same conditions and measure each.",
    ),
    "compress": ("model.studies.compress:compress", "Compress a model in several ways and measure the loss."),
    "explore": (
        "model.exploration.explore:explore",
        "Report what a data folder contains, and what would spoil a training.",
    ),
    "import_legacy": (
        "model.legacy.import_command:import_legacy",
        "Import a Keras file, such as the thesis's model, and check it.",
    ),
    "convert": ("model.backbones.convert:convert", "Convert a published network, for training or for use."),
    "average_backbone": (
        "model.backbones.imagenet:average_backbone",
        "Average ImageNet's backbone with a trained one.",
    ),
}
# The command's own parser reads the arguments after its name, including --help.
UNREAD = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def _command(target: str) -> Callable[[typer.Context], None]:
    def command(context: typer.Context) -> None:
        app_of(resolve_name(target))(args=context.args, prog_name=context.command_path)

    return command


def group() -> typer.Typer:
    """The command line that holds every command."""
    app = new_app(no_args_is_help=True, help="Train, measure and prepare models. COMMAND --help explains a command.")
    for name, (target, about) in COMMANDS.items():
        app.command(name, help=about, context_settings=UNREAD)(_command(target))
    return app


if __name__ == "__main__":
    run_app(group(), NAME)
