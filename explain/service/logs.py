"""Log lines as JSON, each with the id of its request; no photo, file name or address is in them."""

from __future__ import annotations

import json
import logging
import re
import sys
from contextvars import ContextVar
from datetime import UTC, datetime

REQUEST: ContextVar[str] = ContextVar("REQUEST", default="")  # id of the request that is being answered
FACTS = ("method", "path", "status", "seconds", "received", "left")  # that a line may have besides its message
# What could name a photo or a person: addresses of the network, and quoted or absolute paths.
_PRIVATE = re.compile(r"""(?x)
    \b\d{1,3}(?:\.\d{1,3}){3}\b(?::\d+)? | \b[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{0,4}){3,7}\b
    | https?://[^\s'"]+ | data:[^\s'"]+ | (?:/[^\s'":,/]+){2,} | [A-Za-z]:\\[^\s'":,]+
    """)
_SOURCE = re.compile(r'File "[^"]*?(?:site-packages/|([^"/\\]+[/\\])?)([^"/\\]+[/\\][^"/\\]+|[^"/\\]+)", line')


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, request, message, and what else the record has."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": without_names(record.getMessage()),
        }
        if request := getattr(record, "request", "") or REQUEST.get():
            line["request"] = request
        line |= {name: getattr(record, name) for name in FACTS if hasattr(record, name)}
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = type(record.exc_info[1]).__name__
            line["traceback"] = without_names(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


def without_names(text: str) -> str:
    """The text without addresses and paths; of source files the name stays."""
    return _PRIVATE.sub("…", _SOURCE.sub(lambda found: f'File "{found[2].replace("/", ":")}", line', text))


def log_as_json() -> None:
    """Send everything that is logged to the error output, as lines of JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in ("httpx", "uvicorn.access"):  # they name every address
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
