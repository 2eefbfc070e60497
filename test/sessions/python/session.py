"""The everything script (see ../everything-script.ts) on the Python SDK.

Usage: session.py ENDPOINT, the JSON of ../endpoint.ts. Plays one whole session with server-everything there and ends it; exits with 1 and a traceback
when a step did not have its effect. Each step waits for what the step before it sets off, never for a time.
"""

import json
import logging
import sys
import warnings
from pathlib import Path
from typing import Any, Callable

import anyio
import mcp_types as types
from mcp import Client, MCPError
from mcp.client import ClientRequestContext
from mcp.client.session import IncomingMessage
from mcp.client.sse import sse_client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.shared.exceptions import MCPDeprecationWarning
from pydantic import TypeAdapter, ValidationError

CALLS: dict[str, Any] = json.loads((Path(__file__).parent.parent / "everything-calls.json").read_text("utf-8"))
ANY_RESULT = TypeAdapter(dict[str, Any])


class Inbox:
    """Notifications the client received; `take` waits for one that fits, each is taken once."""

    def __init__(self) -> None:
        self._messages: list[tuple[str, dict[str, Any]]] = []
        self._changed = anyio.Event()

    async def add(self, message: IncomingMessage) -> None:
        if isinstance(message, Exception):
            raise message
        params = message.params.model_dump(by_alias=True, mode="json") if message.params else {}
        self._messages.append((message.method, params))
        self._changed.set()
        self._changed = anyio.Event()

    async def take(self, method: str, fits: Callable[[dict[str, Any]], bool] = lambda _: True) -> None:
        while True:
            for index, (name, params) in enumerate(self._messages):
                if name == method and fits(params):
                    del self._messages[index]
                    return
            await self._changed.wait()

    async def take_log(self, text: str) -> None:
        await self.take("notifications/message", lambda params: text in str(params["data"]))


class Answers:
    """What this client answers to the server's requests; the same as scripted-answers.ts."""

    def __init__(self) -> None:
        self.root_list = CALLS["roots"]
        self.forms = list(CALLS["formAnswers"])

    async def roots(self, _: ClientRequestContext) -> types.ListRootsResult:
        return types.ListRootsResult.model_validate({"roots": self.root_list})

    async def sample(
        self, _: ClientRequestContext, params: types.CreateMessageRequestParams
    ) -> types.CreateMessageResult | types.ErrorData:
        if "refuse" in params.model_dump_json():
            return types.ErrorData(code=types.INTERNAL_ERROR, message="The user refused")
        return types.CreateMessageResult.model_validate(CALLS["sample"])

    async def elicit(self, _: ClientRequestContext, params: types.ElicitRequestParams) -> types.ElicitResult:
        if isinstance(params, types.ElicitRequestURLParams):
            return types.ElicitResult(action="decline" if params.message == "Somewhere else" else "accept")
        if "multiple interpretations" in params.message:
            return types.ElicitResult.model_validate(CALLS["clarification"])
        return types.ElicitResult.model_validate(self.forms.pop(0) if self.forms else CALLS["laterForm"])


async def request(client: Client, method: str, params: dict[str, Any]) -> dict[str, Any]:
    raw = types.Request[dict[str, Any], str](method=method, params=params)
    return await client.session.send_request(raw, ANY_RESULT)


async def refused(step: str, call: Any) -> None:
    try:
        result = await call
    except MCPError:
        return
    if not (getattr(result, "is_error", False) or (isinstance(result, dict) and result.get("isError"))):
        raise AssertionError(f"{step} should have been refused")


async def play_tools(client: Client, inbox: Inbox) -> None:
    listed = {tool.name for tool in (await client.list_tools()).tools}
    await client.list_tools(cursor="no-such-cursor")
    known = {name for name, _ in CALLS["tools"]} | set(CALLS["elsewhereTools"])
    assert listed == known, f"tools listed {listed}, planned {known}"
    for name, arguments in CALLS["tools"]:
        await client.call_tool(name, arguments)
        if name == "gzip-file-as-resource":
            await inbox.take("notifications/resources/list_changed")
    for name, arguments in CALLS["wrongToolCalls"]:
        await refused(name, client.call_tool(name, arguments))


async def play_resources(client: Client, inbox: Inbox) -> None:
    uris = [str(resource.uri) for resource in (await client.list_resources()).resources]
    await client.list_resources(cursor="")
    await client.list_resource_templates()
    for uri in dict.fromkeys(uris + CALLS["dynamicResources"]):
        await client.read_resource(uri)
    for uri in CALLS["unknownResources"]:
        await refused(f"reading {uri}", client.read_resource(uri))
    for uri in CALLS["subscriptions"]:
        await client.session.subscribe_resource(uri)
        await inbox.take_log("Received Subscribe")
    await client.call_tool("toggle-subscriber-updates", {})
    for uri in CALLS["subscriptions"]:
        await inbox.take("notifications/resources/updated", lambda params, uri=uri: params["uri"] == uri)
    await client.call_tool("toggle-subscriber-updates", {})
    for uri in CALLS["subscriptions"]:
        await client.session.unsubscribe_resource(uri)
        await inbox.take_log("Received Unsubscribe")


async def play_prompts(client: Client) -> None:
    listed = {prompt.name for prompt in (await client.list_prompts()).prompts}
    assert listed == {name for name, _ in CALLS["prompts"]}, f"prompts listed {listed}"
    for name, arguments in CALLS["prompts"]:
        await client.get_prompt(name, arguments)
    for name, arguments in CALLS["wrongPrompts"]:
        await refused(name, client.get_prompt(name, arguments))
    for params in CALLS["completions"]:
        await request(client, "completion/complete", params)
    for params in CALLS["wrongCompletions"]:
        await refused("completion", request(client, "completion/complete", params))


async def play_progress_and_cancel(client: Client) -> None:
    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        pass

    await client.call_tool("trigger-long-running-operation", {"duration": 0.2, "steps": 4}, progress_callback=on_progress)
    with anyio.CancelScope() as scope:

        async def cancel(progress: float, total: float | None, message: str | None) -> None:
            scope.cancel()

        await client.call_tool("trigger-long-running-operation", {"duration": 5, "steps": 2}, progress_callback=cancel)
    assert scope.cancelled_caught, "a cancelled call should not have returned"


async def start_research(client: Client, arguments: dict[str, Any]) -> dict[str, Any]:
    """Creates a task and returns params that name it.

    This SDK sends tasks/* as it does any request it does not know, but takes only an ordinary result for tools/call and drops
    notifications/tasks/status. So the id is read from the list, and tasks/result is what waits.
    """
    params = {"name": "simulate-research-query", "arguments": arguments, "task": {"ttl": 60_000}}
    try:
        await request(client, "tools/call", params)
    except ValidationError:
        tasks = (await request(client, "tasks/list", {}))["tasks"]
        return {"taskId": tasks[-1]["taskId"]}
    raise AssertionError("this SDK knows task results now: use them")


async def play_tasks(client: Client) -> None:
    cancelled = await start_research(client, {"topic": "what nobody waits for"})
    await request(client, "tasks/get", cancelled)
    await request(client, "tasks/cancel", cancelled)
    await request(client, "tasks/get", cancelled)
    await refused("cancelling again", request(client, "tasks/cancel", cancelled))

    plain = await start_research(client, {"topic": "gateways"})
    await request(client, "tasks/result", plain)
    await request(client, "tasks/get", plain)

    ambiguous = await start_research(client, {"topic": "python", "ambiguous": True})
    await request(client, "tasks/result", ambiguous)
    await request(client, "tasks/list", {})


def connection_to(endpoint: dict[str, Any]) -> Any:
    """What this SDK's Client takes for the endpoint: a URL or a transport."""
    if endpoint["transport"] == "stdio":
        return stdio_client(StdioServerParameters(command=endpoint["command"], args=endpoint["args"], env=endpoint.get("env")))
    return sse_client(endpoint["url"]) if endpoint["transport"] == "sse" else endpoint["url"]


async def play(endpoint: dict[str, Any]) -> None:
    inbox, answers = Inbox(), Answers()
    client = Client(
        connection_to(endpoint),
        client_info=types.Implementation(name="scripted-python", version="1.0.0"),
        # Through a gateway every server speaks both eras; message by message only one era can be compared with it.
        mode="legacy",
        message_handler=inbox.add,
        list_roots_callback=answers.roots,
        sampling_callback=answers.sample,
        elicitation_callback=answers.elicit,
    )
    async with client:
        session = client.session
        await inbox.take_log("Roots updated: 2")
        await session.send_ping()
        await session.set_logging_level("debug")
        await play_tools(client, inbox)
        await play_resources(client, inbox)
        await play_prompts(client)
        await client.call_tool("toggle-simulated-logging", {})
        await inbox.take("notifications/message", lambda params: "level" in str(params["data"]))
        await client.call_tool("toggle-simulated-logging", {})
        await play_progress_and_cancel(client)
        await play_tasks(client)
        for method, params in CALLS["rawRequests"]:
            await refused(method, request(client, method, params))
        answers.root_list = CALLS["laterRoots"]
        await session.send_roots_list_changed()
        await inbox.take_log("Roots updated: 1")
        await client.call_tool("get-roots-list", {})
        await session.set_logging_level("error")
        await session.subscribe_resource("demo://resource/dynamic/text/9")
        await session.send_ping()


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    # Subscriptions and log levels are what a session-era server has; the SDK warns that 2026-07-28 dropped them.
    warnings.simplefilter("ignore", MCPDeprecationWarning)
    anyio.run(play, json.loads(sys.argv[1]))
