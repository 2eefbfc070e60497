// What the edge knows of a door: somebody who takes the requests of a path.
import type { IncomingMessage, ServerResponse } from 'node:http';

/** @param serverId '' when the path names no server */
export type DoorHandler = (req: IncomingMessage, res: ServerResponse, serverId: string, clientAddress: string) => void;
