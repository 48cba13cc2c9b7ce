"""``python -m explain PHOTO``, see ``explain.interfaces.command``."""

from explain.interfaces.command import start

if __name__ == "__main__":
    start()
