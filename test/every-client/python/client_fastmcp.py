"""FastMCP's client, doing what its standard input says: see lines.py. Usage: client_fastmcp.py JOB."""

import json
import logging
import sys
import warnings
from typing import Any

import anyio
import mcp_types as types
from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport
from mcp.shared.exceptions import MCPDeprecationWarning

from lines import Ears, obey, shown

MODERN = "2026-07-28"

LISTS = {
    "tools": "list_tools",
    "resources": "list_resources",
    "templates": "list_resource_templates",
    "prompts": "list_prompts",
}


class Application:
    def __init__(self, ears: Ears) -> None:
        self.ears = ears
        self.watched: list[str] = []

    async def hear(self, message: Any) -> None:
        if isinstance(message, Exception):
            raise message
        self.ears.hear(message.method, shown(message.params))

    async def roots(self, _: Any) -> list[types.Root]:
        return types.ListRootsResult.model_validate(self.ears.roots()).roots

    async def sample(self, _: Any, params: types.CreateMessageRequestParams, __: Any) -> types.CreateMessageResult:
        return types.CreateMessageResult.model_validate(self.ears.sample(shown(params)))

    async def elicit(self, _: str, __: Any, params: types.ElicitRequestParams, ___: Any) -> types.ElicitResult:
        return types.ElicitResult.model_validate(self.ears.elicit(shown(params)))

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
                return await getattr(client, LISTS[call["what"]])()
            case "call":
                return await client.call_tool_mcp(call["name"], call["args"])
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
                return None if client.protocol_version == MODERN else await client.set_logging_level(call["level"])
            case "watch":
                # This client has no words of its own for subscriptions; the session it holds does.
                self.watched = call["uris"]
                for uri in self.watched:
                    await client.session.subscribe_resource(uri)
            case "unwatch":
                for uri in self.watched:
                    await client.session.unsubscribe_resource(uri)


async def play(job: dict[str, Any]) -> None:
    ears = Ears()
    application = Application(ears)
    endpoint = job["endpoint"]
    client = Client(
        StreamableHttpTransport(endpoint["url"], headers=endpoint.get("headers")),
        client_info=types.Implementation(name="every-client-fastmcp", version="1.0.0"),
        mode="legacy" if job["kind"] == "fastmcp legacy" else "auto",
        message_handler=application.hear,
        progress_handler=ears.progress,
        sampling_handler=application.sample,
        elicitation_handler=application.elicit,
        roots=application.roots,
    )
    async with client:
        await obey(ears, lambda call: application.run(client, call))


if __name__ == "__main__":
    logging.basicConfig(level=logging.CRITICAL)
    logging.getLogger("fastmcp").setLevel(logging.CRITICAL)
    warnings.simplefilter("ignore", MCPDeprecationWarning)
    anyio.run(play, json.loads(sys.argv[1]))
