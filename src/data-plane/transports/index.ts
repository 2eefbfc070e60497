export { type DoorHandler } from './door.ts';
export { createStreamableHttp, type StreamableHttp, type StreamableHttpSettings } from './streamable-http/streamable-http.ts';
export { createRpcDoor, type RpcDoor, type RpcDoorSettings } from './rpc/rpc-door.ts';
export { createRestCalls, type RestCaller, type RestCalls } from './rpc/rest-calls.ts';
export { createSseDoor, type SseDoor, type SseDoorSettings } from './sse/sse-door.ts';
export { openStdioDoor, type StdioDoor, type StdioDoorSettings } from './stdio/stdio-door.ts';
