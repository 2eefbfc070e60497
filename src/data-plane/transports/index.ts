export { type DoorHandler } from './door.ts';
export { createStreamableHttp, type StreamableHttp, type StreamableHttpSettings } from './streamable-http/streamable-http.ts';
