"""A client on the Python SDK 1.x that does what its standard input says: see lines.py. Usage: client_1.py JOB."""

import json
import logging
import sys
from typing import Any

import anyio
from mcp import ClientSession, types
from mcp.client.streamable_http import streamablehttp_client
from pydantic import AnyUrl

from lines import Ears, Refused, obey, shown

LISTS = {
    "tools": ("list_tools", "tools"),
    "resources": ("list_resources", "resources"),
    "templates": ("list_resource_templates", "resourceTemplates"),
    "prompts": ("list_prompts", "prompts"),
}


async def list_all(session: ClientSession, what: str) -> list[Any]:
    method, key = LISTS[what]
    everything: list[Any] = []
    cursor: str | None = None
    while True:
        page = await getattr(session, method)(params=types.PaginatedRequestParams(cursor=cursor))
        everything += getattr(page, key)
        cursor = page.nextCursor
        if cursor is None:
            return everything


class Application:
    def __init__(self, ears: Ears) -> None:
        self.ears = ears
        self.watched: list[str] = []
        self.about: Any = None

    async def hear(self, message: Any) -> None:
        if isinstance(message, types.ServerNotification):
            self.ears.hear(message.root.method, shown(message.root.params))

    async def roots(self, _: Any) -> types.ListRootsResult:
        return types.ListRootsResult.model_validate(self.ears.roots())

    async def sample(self, _: Any, params: types.CreateMessageRequestParams) -> types.CreateMessageResult | types.ErrorData:
        try:
            return types.CreateMessageResult.model_validate(self.ears.sample(shown(params)))
        except Refused as error:
            return types.ErrorData(code=types.INTERNAL_ERROR, message=str(error))

    async def elicit(self, _: Any, params: types.ElicitRequestParams) -> types.ElicitResult:
        return types.ElicitResult.model_validate(self.ears.elicit(shown(params)))

    async def run(self, session: ClientSession, call: dict[str, Any]) -> Any:
        match call["do"]:
            case "about":
                begun = self.about
                return {
                    "isModern": False,
                    "serverInfo": shown(begun.serverInfo),
                    "capabilities": shown(begun.capabilities),
                    "instructions": begun.instructions,
                }
            case "list":
                return await list_all(session, call["what"])
            case "call":
                return await session.call_tool(call["name"], call["args"], progress_callback=self.ears.progress)
            case "prompt":
                return await session.get_prompt(call["name"], call["args"])
            case "read":
                return await session.read_resource(AnyUrl(call["uri"]))
            case "complete":
                params = call["params"]
                kind = types.PromptReference if params["ref"]["type"] == "ref/prompt" else types.ResourceTemplateReference
                context = params.get("context", {}).get("arguments")
                return await session.complete(kind.model_validate(params["ref"]), params["argument"], context)
            case "level":
                return await session.set_logging_level(call["level"])
            case "watch":
                self.watched = call["uris"]
                for uri in self.watched:
                    await session.subscribe_resource(AnyUrl(uri))
            case "unwatch":
                for uri in self.watched:
                    await session.unsubscribe_resource(AnyUrl(uri))


async def play(job: dict[str, Any]) -> None:
    ears = Ears()
    application = Application(ears)
    endpoint = job["endpoint"]
    async with (
        streamablehttp_client(endpoint["url"], headers=endpoint.get("headers")) as (read, write, _),
        ClientSession(
            read,
            write,
            client_info=types.Implementation(name="every-client-python-1", version="1.0.0"),
            message_handler=application.hear,
            sampling_callback=application.sample,
            elicitation_callback=application.elicit,
            list_roots_callback=application.roots,
        ) as session,
    ):
        application.about = await session.initialize()
        await obey(ears, lambda call: application.run(session, call))


if __name__ == "__main__":
    logging.basicConfig(level=logging.CRITICAL)
    anyio.run(play, json.loads(sys.argv[1]))
