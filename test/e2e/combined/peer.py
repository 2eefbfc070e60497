"""A client on the Python SDK that does what its standard input says: see peer-calls.ts.

Usage: peer.py JOB. Calls come as one JSON object a line; each is answered in one line.
"""

import json
import logging
import sys
import warnings
from typing import Any

import anyio
import anyio.abc
import anyio.to_thread
import mcp_types as types
from mcp import Client, MCPError
from mcp.client import ClientRequestContext
from mcp.client.session import IncomingMessage
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp.shared.exceptions import MCPDeprecationWarning

LISTS = {
    "tools": ("list_tools", "tools"),
    "resources": ("list_resources", "resources"),
    "templates": ("list_resource_templates", "resource_templates"),
    "prompts": ("list_prompts", "prompts"),
}

EVENTS = {
    "ToolsListChanged": "notifications/tools/list_changed",
    "PromptsListChanged": "notifications/prompts/list_changed",
    "ResourcesListChanged": "notifications/resources/list_changed",
}


class Peer:
    def __init__(self) -> None:
        self.heard: list[str] = []
        self.asked: list[str] = []
        self.changed = anyio.Event()

    async def hear(self, message: IncomingMessage) -> None:
        if isinstance(message, Exception):
            raise message
        self.note(message.method)

    async def sample(self, _: ClientRequestContext, __: types.CreateMessageRequestParams) -> types.CreateMessageResult:
        self.asked.append("sampling/createMessage")
        content = {"type": "text", "text": "sampled by the peer"}
        return types.CreateMessageResult.model_validate({"model": "m", "role": "assistant", "content": content})

    async def elicit(self, _: ClientRequestContext, __: types.ElicitRequestParams) -> types.ElicitResult:
        self.asked.append("elicitation/create")
        content = {"name": "Ada", "username": "ada", "confirm": True, "check": True, "color": "blue"}
        return types.ElicitResult.model_validate({"action": "accept", "content": content})

    async def roots(self, _: ClientRequestContext) -> types.ListRootsResult:
        return types.ListRootsResult.model_validate({"roots": [{"uri": "file:///srv/peer", "name": "peer"}]})

    async def listen(self, client: Client, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        """News of lists, which a client without a session asks for."""
        async with client.listen(tools_list_changed=True, prompts_list_changed=True, resources_list_changed=True) as news:
            task_status.started()
            async for event in news:
                self.note(EVENTS[type(event).__name__])

    def note(self, method: str) -> None:
        self.heard.append(method)
        self.changed.set()
        self.changed = anyio.Event()

    async def until(self, method: str) -> None:
        while method not in self.heard:
            await self.changed.wait()
        self.heard.remove(method)


def shown(value: Any) -> Any:
    return value.model_dump(by_alias=True, mode="json", exclude_none=True)


async def list_all(client: Client, what: str) -> list[Any]:
    method, key = LISTS[what]
    everything: list[Any] = []
    cursor: str | None = None
    while True:
        page = await getattr(client, method)(cursor=cursor, cache_mode="bypass")
        everything += [shown(item) for item in getattr(page, key)]
        cursor = page.next_cursor
        if cursor is None:
            return everything


async def run(client: Client, peer: Peer, call: dict[str, Any]) -> Any:
    match call["do"]:
        case "list":
            return await list_all(client, call["what"])
        case "call":
            return shown(await client.call_tool(call["name"], call["args"]))
        case "prompt":
            return shown(await client.get_prompt(call["name"], call["args"]))
        case "read":
            return shown(await client.read_resource(call["uri"]))
        case "subscribe":
            return shown(await client.session.subscribe_resource(call["uri"]))
        case "until":
            return await peer.until(call["method"])
        case "asked":
            asked, peer.asked = peer.asked, []
            return asked


def write(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)


async def play(job: dict[str, Any]) -> None:
    peer = Peer()
    is_modern = job["kind"] == "python modern"
    async with create_mcp_http_client(headers=job["endpoint"]["headers"]) as http, anyio.create_task_group() as tasks:
        client = Client(
            streamable_http_client(job["endpoint"]["url"], http_client=http),
            client_info=types.Implementation(name="peer", version="1"),
            mode="auto" if is_modern else "legacy",
            message_handler=peer.hear,
            sampling_callback=peer.sample,
            elicitation_callback=peer.elicit,
            list_roots_callback=peer.roots,
        )
        async with client:
            if is_modern:
                await tasks.start(peer.listen, client)
            write({"value": "connected"})
            while line := await anyio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True):
                try:
                    write({"value": await run(client, peer, json.loads(line))})
                except MCPError as error:
                    write({"error": str(error), "code": error.error.code})
            tasks.cancel_scope.cancel()


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    warnings.simplefilter("ignore", MCPDeprecationWarning)
    anyio.run(play, json.loads(sys.argv[1]))
