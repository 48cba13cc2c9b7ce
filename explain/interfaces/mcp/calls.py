"""A server for assistants that refuses wrong calls in one sentence, in the caller's language."""

from __future__ import annotations

import json
import reprlib
from typing import Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import INVALID_PARAMS, INVALID_REQUEST, PARSE_ERROR, CallToolResult, InputRequiredResult
from pydantic import ValidationError
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from explain.service.forms import LONGEST, MOST_SHOWN
from explain.settings import MOST_IN_JSON
from model.i18n.catalogue import DEFAULT, languages, translate, use_language
from model.i18n.preferences import preferred_language

Answer = CallToolResult | InputRequiredResult


class PlainRefusals:
    """ASGI middleware that says in one sentence that a body is no request; ``mcp`` lists pydantic's errors.

    Args:
        app: what ``mcp`` serves.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        held: list[Message] = []

        async def send_plain(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 400:
                held.append(message)  # its length is that of the other text
            elif held and (refusal := _refusal(message["body"], scope)) is not None:
                await refusal(scope, receive, send)
            else:
                for each in (*held, message):
                    await send(each)

        await self._app(scope, receive, send_plain)


def _refusal(body: bytes, scope: Scope) -> JSONResponse | None:
    """The answer to a body that is no request, in place of another answer; None if that is about something else."""
    try:
        answer = json.loads(body)
    except ValueError:  # a text, as about the content type
        return None
    code = answer["error"]["code"]
    if answer["id"] is not None or code not in (INVALID_PARAMS, PARSE_ERROR):
        return None
    with use_language(preferred_language(Headers(scope=scope).get("accept-language", ""))):
        if code == PARSE_ERROR:
            error = {"code": code, "message": translate("interfaces.no_json")}
        else:
            error = {"code": INVALID_REQUEST, "message": translate("interfaces.no_request")}
    return JSONResponse({"jsonrpc": "2.0", "id": None, "error": error}, 400)


class AssistantServer(MCPServer[Any]):
    """Names the argument that is wrong; ``MCPServer`` ignores unknown ones and lists pydantic's errors.

    Args:
        unlimited: names of the arguments that may be texts of any length.
    """

    def __init__(self, *arguments: Any, unlimited: tuple[str, ...] = (), **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._unlimited = unlimited

    async def call_tool(self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None) -> Answer:
        """Call a tool, see ``MCPServer``.

        Raises:
            ToolError: if there is no such tool, an argument is unknown or wrong, or the tool has no answer.
        """
        language = arguments.get("language")
        with use_language(language if isinstance(language, str) and language in languages() else DEFAULT):
            await self._check(name, arguments)
            try:
                return await super().call_tool(name, arguments, context)
            except ToolError as error:
                if isinstance(error.__cause__, ValidationError):
                    problem = error.__cause__.errors(include_url=False)[0]
                    raise ToolError(_wrong(str(problem["loc"][0]), arguments)) from error
                if isinstance(error.__cause__, ToolError):
                    raise error.__cause__ from None  # without the name of the tool before its sentence
                raise

    async def _check(self, name: str, arguments: dict[str, Any]) -> None:
        """Check the names of the tool and its arguments, and that no argument is very long but those that may be."""
        tools = {tool.name: tool.input_schema["properties"] for tool in await self.list_tools()}
        if name not in tools:
            raise ToolError(translate("interfaces.unknown_tool", name=name[:MOST_SHOWN], known=", ".join(tools)))
        for argument, value in arguments.items():
            if argument not in tools[name]:
                known = ", ".join(tools[name])
                raise ToolError(translate("interfaces.unknown_argument", name=argument[:MOST_SHOWN], known=known))
            if argument not in self._unlimited and _is_long(value):
                raise ToolError(_wrong(argument, arguments))


def _wrong(name: str, arguments: dict[str, Any]) -> str:
    """The sentence about an argument that is missing or wrong."""
    if name not in arguments:
        return translate("interfaces.no_argument", name=name)
    value = arguments[name] if isinstance(arguments[name], str) else reprlib.repr(arguments[name])
    return translate("interfaces.bad_argument", name=name, value=value[:MOST_SHOWN])


def _is_long(value: Any) -> bool:
    """Whether a sentence cannot name a value, which may be of any kind that JSON has."""
    if isinstance(value, list):
        return len(value) > LONGEST or any(map(_is_long, value))
    if isinstance(value, int):
        return abs(value) > MOST_IN_JSON
    return isinstance(value, str | dict) and len(value) > LONGEST
