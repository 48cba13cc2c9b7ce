"""``python -m explain PHOTO``, see ``explain.interfaces.command``; ``python -m explain bulk``, see ``explain.bulk``."""

import sys

if __name__ == "__main__":
    if sys.argv[1:2] == ["bulk"]:  # a folder of that name is ./bulk
        from explain.bulk.command import start
    else:
        from explain.interfaces.command import start
    start()
