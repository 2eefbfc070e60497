// What the bench's upstream says: the answers to calls are built once and only the id is spliced in; everything else is what a
// gateway asks for while it registers a server (MCP 2026-07-28 and the revisions with a handshake).
import type { Socket } from 'node:net';

type CallAnswer = (socket: Socket, id: string) => void;

const JSON_HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ';
const SSE_HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n';
const OPENING = '{"jsonrpc":"2.0","id":';
/** The characters of a large answer's text; with its envelope it is a little over 100 KB. */
const LARGE_TEXT_CHARS = 100 * 1024;

const NOTES = 'Cloudy with light rain towards the evening, wind from the west at 14 km/h, humidity 71 percent, pressure 1012 hPa.';
const SMALL_RESULT = `"result":{"resultType":"complete","content":[{"type":"text","text":"${NOTES}"}],"structuredContent":{"city":"Lisbon","temperature":18.5,"unit":"celsius","notes":"light rain"},"isError":false,"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"bench","version":"1"}}}}`;
const PROGRESS = [1, 2]
  .map((step) => sse(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"bench","progress":${step},"total":3}}`))
  .join('');
const LARGE_START = Buffer.from(
  `,"result":{"resultType":"complete","content":[{"type":"text","text":"${'A result as large as a page of a book. '.repeat(LARGE_TEXT_CHARS / 39).padEnd(LARGE_TEXT_CHARS, '.')}"}],"isError":false}}`,
);

/** The message that answers a `bench_small`. */
export function smallAnswer(id: string): string {
  return `${OPENING}${id},${SMALL_RESULT}`;
}

/** By a text that a call of that tool holds: how it is answered. Named in the order of how often they come. */
export const CALL_ANSWERS: ReadonlyArray<readonly [marker: string, write: CallAnswer]> = [
  [
    '"name":"bench_small"',
    (socket, id) => {
      const text = smallAnswer(id);
      socket.write(`${JSON_HEAD}${text.length}\r\n\r\n${text}`, 'latin1');
    },
  ],
  [
    '"name":"bench_stream"',
    (socket, id) => {
      socket.write(`${SSE_HEAD}${PROGRESS}${sse(`${OPENING}${id},${SMALL_RESULT}`)}0\r\n\r\n`, 'latin1');
    },
  ],
  [
    '"name":"bench_large"',
    (socket, id) => {
      const start = `${OPENING}${id}`;
      socket.cork();
      socket.write(`${JSON_HEAD}${start.length + LARGE_START.length}\r\n\r\n${start}`, 'latin1');
      socket.write(LARGE_START);
      socket.uncork();
    },
  ],
];

/** The id as it is written. Senders of the bench write it as a number or a plain string before `method` or `params`. */
export function idOf(message: string): string | undefined {
  const at = message.indexOf('"id":');
  if (at === -1) return undefined;
  const start = at + 5;
  let end = start + 1;
  if (message[start] === '"') end = message.indexOf('"', end) + 1;
  else while (message[end] !== ',' && message[end] !== '}') end++;
  return message.slice(start, end);
}

/** What is answered to one message over a line of messages; empty for a notification. */
export function lineAnswer(message: string): string {
  if (!message.includes('"method":"tools/call"')) return answerText(message).text;
  const id = idOf(message);
  return id === undefined ? '' : smallAnswer(id);
}

/** One event as one chunk of a chunked body. */
export function sse(data: string): string {
  const event = `event: message\ndata: ${data}\n\n`;
  return `${event.length.toString(16)}\r\n${event}\r\n`;
}

const SERVER_INFO = { name: 'bench', version: '1' };
const CAPABILITIES = { tools: {} };
const INPUT_SCHEMA = {
  type: 'object',
  properties: { city: { type: 'string' }, days: { type: 'integer', minimum: 1, maximum: 14 }, unit: { enum: ['celsius', 'fahrenheit'] } },
  required: ['city'],
};
const TOOLS = ['bench_small', 'bench_stream', 'bench_large'].map((name) => ({
  name,
  description: `Answers for the bench (${name}).`,
  inputSchema: INPUT_SCHEMA,
}));
const MODERN_EXTRAS = { resultType: 'complete', ttlMs: 60_000, cacheScope: 'public', _meta: { 'io.modelcontextprotocol/serverInfo': SERVER_INFO } };

/** By path: what is listed at `/catalogue/NUMBER/TOOLS`, so many tools of which the first can be called. */
const catalogues = new Map<string, readonly object[]>();

function toolsAt(path: string): readonly object[] {
  const [, number, tools] = /^\/catalogue\/(\d+)\/(\d+)$/.exec(path) ?? [];
  if (number === undefined) return TOOLS;
  let listed = catalogues.get(path);
  if (listed === undefined) {
    const others = Array.from({ length: Number(tools) - 1 }, (_, at) => ({
      name: `tool_${at}_of_${number}`,
      title: `Tool ${at} of ${number}`,
      description: `Number ${at} of catalogue ${number}. As long as the descriptions of tools that people publish usually are: what it does, when it is the right one, and what it gives back.`,
      inputSchema: INPUT_SCHEMA,
      annotations: { readOnlyHint: true, openWorldHint: false },
    }));
    catalogues.set(path, (listed = [...TOOLS.slice(0, 1), ...others]));
  }
  return listed;
}

const listTexts = new Map<string, string>();

/** The answer to a `tools/list`; written once, like those to calls. */
export function listAnswer(path: string, body: string, id: string): string {
  const isModern = body.includes('io.modelcontextprotocol/protocolVersion');
  const key = `${path} ${isModern}`;
  let text = listTexts.get(key);
  if (text === undefined) listTexts.set(key, (text = `,"result":${JSON.stringify(resultOf('tools/list', undefined, isModern, toolsAt(path)))}}`));
  return `${OPENING}${id}${text}`;
}

/** The status line and body for anything but a known call. */
export function answerText(body: string, path = ''): { status: string; text: string } {
  const { id, method, params } = JSON.parse(body) as {
    id?: unknown;
    method?: string;
    params?: { protocolVersion?: string; _meta?: Record<string, unknown> };
  };
  if (id === undefined) return { status: '202 Accepted', text: '' };
  const isModern = params?._meta?.['io.modelcontextprotocol/protocolVersion'] !== undefined;
  // Two paths know one era only.
  const isUnknown = path === '/legacy' ? isModern : path === '/modern' && !isModern;
  const result = isUnknown ? undefined : resultOf(method, params?.protocolVersion, isModern, toolsAt(path));
  if (result === undefined) {
    const error = { code: -32601, message: `The bench's upstream has no method ${method}.` };
    return { status: isModern ? '404 Not Found' : '200 OK', text: JSON.stringify({ jsonrpc: '2.0', id, error }) };
  }
  return { status: '200 OK', text: JSON.stringify({ jsonrpc: '2.0', id, result }) };
}

function resultOf(method: string | undefined, version: string | undefined, isModern: boolean, tools: readonly object[]): object | undefined {
  switch (method) {
    case 'server/discover':
      return { ...MODERN_EXTRAS, supportedVersions: ['2026-07-28'], capabilities: CAPABILITIES };
    case 'initialize':
      return isModern ? undefined : { protocolVersion: version ?? '2025-11-25', capabilities: CAPABILITIES, serverInfo: SERVER_INFO };
    case 'tools/list':
      return isModern ? { ...MODERN_EXTRAS, tools } : { tools };
    case 'ping':
      return isModern ? undefined : {};
    default:
      return undefined;
  }
}
