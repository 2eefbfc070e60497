// Which path belongs to which door. A table, so that a door is one line where the house is put together (app.ts), and everything
// that is in no line of it is the front's.
import { normaliseId } from '#base/kernel';
import type { DoorHandler } from '#data-plane/transports';

/**
 * By path below the prefix: `/rpc`, or `/servers/{id}/mcp` where `{id}` is a server's. `/v1` before it and a slash behind it
 * change nothing.
 */
export type DoorTable = Readonly<Record<string, DoorHandler>>;

export interface DoorRoute {
  readonly door: DoorHandler;
  /** '' when the path names no server. */
  readonly serverId: string;
}

/** Paths are the sender's text, so not all of them are remembered. */
const REMEMBERED_MAX = 10_000;

/** @returns the route of a path (prefix and query taken off), undefined when it is no door's */
export function createDoorRoutes(table: DoorTable): (path: string) => DoorRoute | undefined {
  const patterns = Object.entries(table).map(([path, door]) => ({
    pattern: new RegExp(`^(?:/v1)?${path.replace('{id}', '([^/]{1,64})')}/?$`),
    door,
  }));
  // So that the patterns are tried once per server and not once per call.
  const remembered = new Map<string, DoorRoute>();

  return (path) => {
    const known = remembered.get(path);
    if (known !== undefined) return known;
    for (const { pattern, door } of patterns) {
      const match = pattern.exec(path);
      if (match === null) continue;
      const route = { door, serverId: match[1] === undefined ? '' : normaliseId(match[1]) };
      if (remembered.size < REMEMBERED_MAX) remembered.set(path, route);
      return route;
    }
    return undefined;
  };
}
