export { type DoorHandler } from './door.ts';
export { createStreamableHttp, type StreamableHttp, type StreamableHttpSettings } from './streamable-http/streamable-http.ts';
export { createRpcDoor, type RpcDoor, type RpcDoorSettings } from './rpc/rpc-door.ts';
export { createSseDoor, type SseDoor, type SseDoorSettings } from './sse/sse-door.ts';
export { openStdioDoor, type StdioDoor, type StdioDoorSettings } from './stdio/stdio-door.ts';
