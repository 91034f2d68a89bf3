"""How a Python function's records and errors become events of its log, as text or as JSON.

Each line on stdout is one log event; line breaks inside an event are carriage returns.
"""

import json
import logging
import os
import sys
import time

INDENT = "\u00a0"
MOMENT = "%Y-%m-%dT%H:%M:%S"
TEXT = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n"

# Of the invocation that is under way.
request_id = None


class JsonFormatter(logging.Formatter):
    """One record as a JSON document, with what its caller gave besides."""

    # What every record has, which is not the caller's own.
    _KNOWN = set(logging.makeLogRecord({}).__dict__) - {"taskName"} | {"message", "asctime", "aws_request_id"}

    def __init__(self):
        super().__init__(datefmt=MOMENT + "Z")

    def format(self, record):
        level = logging.getLevelName(min(50, max(0, record.levelno)) // 10 * 10)
        is_document = isinstance(record.msg, dict) and not record.args
        event = {
            "timestamp": self.formatTime(record, self.datefmt),
            "level": level,
            "message": record.msg if is_document else record.getMessage(),
            "logger": record.name,
        }
        if record.exc_info:
            import traceback

            kind, error, trace = record.exc_info
            event["stackTrace"] = traceback.format_tb(trace)
            event["errorType"] = getattr(kind, "__name__", None)
            event["errorMessage"] = str(error)
        event["requestId"] = getattr(record, "aws_request_id", None)
        if record.exc_info:
            event["location"] = f"{record.pathname}:{record.funcName}:{record.lineno}"
        for key, value in record.__dict__.items():
            if key not in self._KNOWN:
                event.setdefault(key, value)
        told = {key: value for key, value in event.items() if value is not None}
        return json.dumps(told, ensure_ascii=False, default=str) + "\n"


class LambdaLoggerFilter(logging.Filter):
    """Says of each record during which invocation it was made: formatters of the function's own ask for it, too."""

    def filter(self, record):
        record.aws_request_id = request_id or ""
        return True


class LambdaLoggerHandler(logging.Handler):
    """Writes each record as one event."""

    def emit(self, record):
        try:
            _write_event(self.format(record))
        except Exception:
            self.handleError(record)


def _writes_json():
    return os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"


def configure():
    sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")
    logging.Formatter.converter = time.gmtime
    root, handler = logging.getLogger(), LambdaLoggerHandler()
    if _writes_json():
        handler.setFormatter(JsonFormatter())
        level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper()
        level = {"TRACE": "DEBUG", "FATAL": "CRITICAL"}.get(level, level)
        if isinstance(logging.getLevelName(level), int):
            root.setLevel(level)
    else:
        handler.setFormatter(logging.Formatter(TEXT, MOMENT))
    handler.addFilter(LambdaLoggerFilter())
    root.addHandler(handler)


def _write_event(text):
    sys.stdout.write(text.removesuffix("\n").replace("\n", "\r") + "\n")


def write_error(error):
    """Tells the document of an error that ended an invocation, or the beginning."""
    if _writes_json():
        moment = time.strftime(MOMENT + "Z", time.gmtime())
        _write_event(json.dumps({"timestamp": moment, "level": "ERROR", **error}, ensure_ascii=False))
        return
    description = ": ".join(filter(None, (error["errorType"], error["errorMessage"])))
    lines = [f"[ERROR] {description}", "Traceback (most recent call last):"]
    for entry in error["stackTrace"]:
        for line in entry.splitlines():
            bare = line.lstrip(" ")
            lines.append(INDENT * (len(line) - len(bare)) + bare)
    _write_event("\n".join(lines))
