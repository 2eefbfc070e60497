"""A client on the Python SDK 2.x that does what its standard input says: see lines.py. Usage: client_2.py JOB."""

import json
import logging
import sys
import warnings
from contextlib import AsyncExitStack
from typing import Any

import anyio
import anyio.abc
import mcp_types as types
from mcp import Client
from mcp.client import ClientRequestContext
from mcp.client.session import IncomingMessage
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp.shared.exceptions import MCPDeprecationWarning

from lines import Ears, Refused, obey, shown

MODERN = "2026-07-28"

LISTS = {
    "tools": ("list_tools", "tools"),
    "resources": ("list_resources", "resources"),
    "templates": ("list_resource_templates", "resource_templates"),
    "prompts": ("list_prompts", "prompts"),
}


async def list_all(client: Client, what: str) -> list[Any]:
    method, key = LISTS[what]
    everything: list[Any] = []
    cursor: str | None = None
    while True:
        page = await getattr(client, method)(cursor=cursor)
        everything += getattr(page, key)
        cursor = page.next_cursor
        if cursor is None:
            return everything


class Application:
    def __init__(self, ears: Ears, tasks: anyio.abc.TaskGroup) -> None:
        self.ears = ears
        self.tasks = tasks
        self.watched: list[str] = []
        self.listening: anyio.CancelScope | None = None

    async def hear(self, message: IncomingMessage) -> None:
        if isinstance(message, Exception):
            raise message
        self.ears.hear(message.method, shown(message.params))

    async def roots(self, _: ClientRequestContext) -> types.ListRootsResult:
        return types.ListRootsResult.model_validate(self.ears.roots())

    async def sample(self, _: ClientRequestContext, params: types.CreateMessageRequestParams) -> types.CreateMessageResult | types.ErrorData:
        try:
            return types.CreateMessageResult.model_validate(self.ears.sample(shown(params)))
        except Refused as error:
            return types.ErrorData(code=types.INTERNAL_ERROR, message=str(error))

    async def elicit(self, _: ClientRequestContext, params: types.ElicitRequestParams) -> types.ElicitResult:
        return types.ElicitResult.model_validate(self.ears.elicit(shown(params)))

    async def listen(self, client: Client, uris: list[str], *, task_status: anyio.abc.TaskStatus[anyio.CancelScope]) -> None:
        with anyio.CancelScope() as scope:
            async with client.listen(resources_list_changed=True, resource_subscriptions=uris) as news:
                task_status.started(scope)
                async for event in news:
                    uri = getattr(event, "uri", None)
                    if uri is not None:
                        self.ears.hear("notifications/resources/updated", {"uri": uri})

    async def watch(self, client: Client, uris: list[str]) -> None:
        self.watched = uris
        if client.protocol_version == MODERN:
            self.listening = await self.tasks.start(self.listen, client, uris)
            return
        for uri in uris:
            await client.subscribe_resource(uri)

    async def unwatch(self, client: Client) -> None:
        if self.listening is not None:
            self.listening.cancel()
            return
        for uri in self.watched:
            await client.unsubscribe_resource(uri)

    async def run(self, client: Client, call: dict[str, Any]) -> Any:
        match call["do"]:
            case "about":
                return {
                    "isModern": client.protocol_version == MODERN,
                    "serverInfo": shown(client.server_info),
                    "capabilities": shown(client.server_capabilities),
                    "instructions": client.instructions,
                }
            case "list":
                return await list_all(client, call["what"])
            case "call":
                return await client.call_tool(call["name"], call["args"], progress_callback=self.ears.progress)
            case "prompt":
                return await client.get_prompt(call["name"], call["args"])
            case "read":
                return await client.read_resource(call["uri"])
            case "complete":
                params = call["params"]
                kind = types.PromptReference if params["ref"]["type"] == "ref/prompt" else types.ResourceTemplateReference
                context = params.get("context", {}).get("arguments")
                return await client.complete(kind.model_validate(params["ref"]), params["argument"], context)
            case "level":
                # In the era without sessions it is part of each request, as the client was made.
                return None if client.protocol_version == MODERN else await client.set_logging_level(call["level"])
            case "watch":
                await self.watch(client, call["uris"])
            case "unwatch":
                await self.unwatch(client)


async def play(job: dict[str, Any]) -> None:
    ears = Ears()
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(create_mcp_http_client(headers=job["endpoint"].get("headers")))
        tasks = await stack.enter_async_context(anyio.create_task_group())
        application = Application(ears, tasks)
        client = Client(
            streamable_http_client(job["endpoint"]["url"], http_client=http),
            client_info=types.Implementation(name="every-client-python-2", version="1.0.0"),
            mode="legacy" if job["kind"] == "python 2 legacy" else "auto",
            log_level="debug",
            message_handler=application.hear,
            sampling_callback=application.sample,
            elicitation_callback=application.elicit,
            list_roots_callback=application.roots,
        )
        async with client:
            await obey(ears, lambda call: application.run(client, call))
            tasks.cancel_scope.cancel()


if __name__ == "__main__":
    logging.basicConfig(level=logging.CRITICAL)
    # Subscriptions and log levels are what a session-era server has; the SDK warns that 2026-07-28 dropped them.
    warnings.simplefilter("ignore", MCPDeprecationWarning)
    anyio.run(play, json.loads(sys.argv[1]))
