"""What the Python clients have in common: the calls come as one JSON object a line and are answered in one (see ../client-words.ts).

Nothing here is of one SDK: messages are plain dictionaries.
"""

import json
import sys
from pathlib import Path
from typing import Any, Awaitable, Callable

import anyio
import anyio.to_thread

CALLS: dict[str, Any] = json.loads((Path(__file__).parent.parent.parent / "sessions" / "everything-calls.json").read_text("utf-8"))


class Refused(Exception):
    """What a client answers with an error."""


class Ears:
    """What the application hears without having asked, and what it answers; the same as ../ears.ts."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self._untaken: list[dict[str, Any]] = []
        self._changed = anyio.Event()
        self.asked: list[dict[str, Any]] = []
        self.steps: list[dict[str, Any]] = []
        self._forms = list(CALLS["formAnswers"])

    def hear(self, method: str, params: Any) -> None:
        message = {"method": method, "params": params}
        self.told.append(message)
        self._untaken.append(message)
        self._changed.set()
        self._changed = anyio.Event()

    async def until(self, method: str, text: str) -> None:
        while True:
            for index, message in enumerate(self._untaken):
                if message["method"] == method and text in json.dumps(message["params"]):
                    del self._untaken[index]
                    return
            await self._changed.wait()

    def note(self, method: str, params: Any) -> None:
        self.asked.append({"method": method, "params": params})

    def roots(self) -> dict[str, Any]:
        self.note("roots/list", None)
        return {"roots": CALLS["roots"]}

    def sample(self, params: dict[str, Any]) -> dict[str, Any]:
        self.note("sampling/createMessage", params)
        if "refuse" in json.dumps(params):
            raise Refused("The user refused")
        return CALLS["sample"]

    def elicit(self, params: dict[str, Any]) -> dict[str, Any]:
        self.note("elicitation/create", params)
        if params.get("mode") == "url":
            return {"action": "decline" if params["message"] == "Somewhere else" else "accept"}
        if "multiple interpretations" in params["message"]:
            return CALLS["clarification"]
        return self._forms.pop(0) if self._forms else CALLS["laterForm"]

    async def progress(self, progress: float, total: float | None, message: str | None) -> None:
        step = {"progress": progress, "total": total, "message": message}
        self.steps.append({key: value for key, value in step.items() if value is not None})


def shown(value: Any) -> Any:
    """A model as its JSON, without what was not there."""
    if isinstance(value, list):
        return [shown(item) for item in value]
    return value.model_dump(by_alias=True, mode="json", exclude_none=True) if hasattr(value, "model_dump") else value


def refusal_of(error: Exception) -> dict[str, Any]:
    data = getattr(error, "error", None)
    if data is None:
        return {"message": f"{type(error).__name__}: {error}"}
    return {"code": data.code, "message": data.message} | ({} if data.data is None else {"data": data.data})


def write(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)


async def obey(ears: Ears, run: Callable[[dict[str, Any]], Awaitable[Any]]) -> None:
    """Does what each line says until there are no more."""
    write({"asked": [], "progress": []})
    while line := await anyio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True):
        call = json.loads(line)
        answer: dict[str, Any]
        try:
            match call["do"]:
                case "until":
                    answer = {"value": await ears.until(call["method"], call["text"])}
                case "told":
                    answer = {"value": ears.told}
                case _:
                    answer = {"value": shown(await run(call))}
        except Exception as error:
            answer = {"refusal": refusal_of(error)}
        answer |= {"asked": ears.asked, "progress": ears.steps}
        ears.asked, ears.steps = [], []
        write(answer)
