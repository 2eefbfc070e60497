export { createStreamableHttp, type StreamableHttp, type StreamableHttpSettings } from './streamable-http/streamable-http.ts';
