// The bench's upstream for clients of HTTP+SSE (MCP 2024-11-05): the GET's stream carries all answers, POSTs get a 202.
import type { Socket } from 'node:net';
import { lineAnswer, sse } from './upstream-answers.ts';

const STREAM_HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n';
const ACCEPTED = 'HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n';
const NOT_FOUND = 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n';

const streams = new Map<string, Socket>();
let opened = 0;

/** Answers the GET: the first event tells where to POST. */
export function openEventStream(socket: Socket): void {
  const path = `/message?session=${++opened}`;
  const event = `event: endpoint\ndata: ${path}\n\n`;
  streams.set(path, socket);
  socket.on('close', () => streams.delete(path));
  socket.write(`${STREAM_HEAD}${event.length.toString(16)}\r\n${event}\r\n`);
}

/** @param body latin1 text of one message */
export function takePost(socket: Socket, path: string, body: string): void {
  const stream = streams.get(path);
  if (stream === undefined) return void socket.write(NOT_FOUND);
  socket.write(ACCEPTED);
  const text = lineAnswer(body);
  if (text !== '') stream.write(sse(text), 'latin1');
}
