"""Every interface offers the options of ``Settings``, with the same names, defaults, limits and choices."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer.main
from fastapi import FastAPI
from starlette.testclient import TestClient

from explain.interfaces import command
from explain.interfaces.http import plain_routes
from explain.interfaces.mcp.tools import PATHS, assistants
from explain.page.layout import build_page
from explain.service.service import Service
from explain.settings import LIKELIER, SCHEMA, limits_of, text_of
from model.available import Models, shipped_models
from model.cli import app_of
from model.i18n.catalogue import use_language

Schema = dict[str, dict[str, Any]]  # for each parameter of an interface: default, minimum, maximum, enum
NOT_SETTINGS = {  # these select the photo, the model and the form of the answer
    *("photos", "photo", "file", "model", "fake_label", "sees", "second"),
    *("language", "out", "as_json", "csv", "frames", "shown", "help"),
}
SETTING_NAMES = {"hide_regions": "hidden", "whole": "whole_picture", "smooth": "smooth_attention", "further": "methods"}
# Interfaces that have another default than the settings.
OTHER_DEFAULTS: dict[tuple[str, str], Any] = {
    ("MCP explain_photo", "methods"): ["attention", "lime", "occlusion"],
    ("MCP explain_photo", "trust"): True,
    ("Gradio API /analyze", "further"): [],  # in addition to the maps that are always made
}


@pytest.fixture(scope="module")
def service() -> Service:
    return Service(Models(shipped_models()[:1]))


def command_line_options(service: Service) -> dict[str, Schema]:
    """The command's parameters; it separates the items of a list with commas."""
    found: Schema = {}
    for parameter in typer.main.get_command(app_of(command.main)).params:
        name, default = str(parameter.name), parameter.default
        is_list = name in ("methods", "hide_regions")
        found[name] = {"default": [part for part in default.split(",") if part] if is_list else default}
        if name in SCHEMA:
            assert parameter.help == text_of(name)
    return {"command line": found}


def http_options(service: Service) -> dict[str, Schema]:
    with TestClient(FastAPI(openapi_url=None, routes=plain_routes(service))) as client:
        schemas = client.get("/openapi.json").json()["components"]["schemas"]
    (form,) = (schema for name, schema in schemas.items() if "deepfake" in name)
    found = dict(form["properties"])
    methods = found["methods"]
    found["methods"] = {**methods, "default": methods["default"].split(",")}
    return {"HTTP": found}


def mcp_options(service: Service) -> dict[str, Schema]:
    routes, lifespan = assistants(service, Path())
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    headers = {"accept": "application/json, text/event-stream"}
    with TestClient(FastAPI(routes=routes, lifespan=lifespan)) as client:
        answer = client.post(PATHS[0], json=request, headers=headers).text
    tools = json.loads(answer[answer.index("{") :])["result"]["tools"]
    return {f"MCP {tool['name']}": tool["inputSchema"]["properties"] for tool in tools}


def gradio_api_options(service: Service) -> dict[str, Schema]:
    endpoints = build_page(service.models, service).get_api_info()["named_endpoints"]
    return {f"Gradio API {name}": _gradio_schema(endpoints[name]["parameters"]) for name in ("/analyze", "/explain")}


def _gradio_schema(parameters: list[dict[str, Any]]) -> Schema:
    found: Schema = {}
    for parameter in parameters:
        found[parameter["parameter_name"]] = {**parameter["type"], "default": parameter["parameter_default"]}
    return found


INTERFACES: dict[str, Callable[[Service], dict[str, Schema]]] = {
    "command line": command_line_options,
    "HTTP": http_options,
    "MCP": mcp_options,
    "Gradio API": gradio_api_options,
}


@pytest.mark.parametrize("interface", INTERFACES)
def test_the_options_of_every_interface_match_the_settings(interface: str, service: Service) -> None:
    with use_language("en"):
        for endpoint, parameters in INTERFACES[interface](service).items():
            for name in parameters.keys() - NOT_SETTINGS:
                _check_option(endpoint, name, parameters[name])


def _check_option(endpoint: str, name: str, shown: dict[str, Any]) -> None:
    where, option = f"{name} of {endpoint}", SETTING_NAMES.get(name, name)
    assert option in SCHEMA, f"{where} is not an option of Settings"
    default = SCHEMA[option]["default"] + 1 if option == "face" else SCHEMA[option]["default"]  # counted from 1
    expected = OTHER_DEFAULTS.get((endpoint, name), default)
    assert (None if shown["default"] == LIKELIER else shown["default"]) == expected, where
    limits = limits_of(option)
    if endpoint != "command line":  # it names the limits in its help texts
        expected_limits = {"minimum": 1} if option == "face" else _range(limits)
        assert _range({**shown, **_first_alternative(shown)}) == expected_limits, where
    choices, allowed = _choices(shown), _choices(limits)
    assert choices <= allowed and (not choices or name == "further" or choices == allowed), where


def _range(schema: dict[str, Any]) -> dict[str, Any]:
    return {name: schema[name] for name in ("minimum", "maximum") if name in schema}


def _choices(schema: dict[str, Any]) -> set[str]:
    kinds = [schema, schema.get("items", {}), *schema.get("anyOf", ())]
    return {choice for kind in kinds for choice in kind.get("enum", ())} - {LIKELIER}


def test_the_schema_of_a_tool_contains_the_limits_of_every_option(service: Service) -> None:
    tool = mcp_options(service)["MCP explain_photo"]
    for name in tool.keys() & SCHEMA.keys() - {"face"}:
        assert limits_of(name).items() <= {**tool[name], **_first_alternative(tool[name])}.items(), name
    assert tool["face"]["minimum"] == 1


def _first_alternative(schema: dict[str, Any]) -> dict[str, Any]:
    return schema.get("anyOf", [{}])[0]
