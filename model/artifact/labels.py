"""The two classes, in the order of every network's outputs."""

LABELS = ("Fake", "Real")  # sorted, as scikit-learn's LabelBinarizer orders them
