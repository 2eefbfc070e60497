// The one catalogue of everything that can go wrong. Codes are stable and documented (docs/reference/errors.md is generated
// from this table); the status and the JSON-RPC code are what a caller sees, the fault says who has to act.

/** Who is at fault: the first thing an operator asks, and a metric label. */
export type Fault = 'client' | 'config' | 'upstream' | 'gateway' | 'capacity';

export interface ErrorKind {
  /** HTTP status. 502-504 only with fault `upstream` or `capacity` (decisions.md 17). */
  readonly status: number;
  /** JSON-RPC code. Own codes are -31000 minus the status: outside JSON-RPC's and MCP's reserved range -32768…-32000. */
  readonly rpc: number;
  readonly fault: Fault;
  /** May the same request succeed later without a change? */
  readonly retryable: boolean;
  /** What it means and what to do, for the reference page. */
  readonly help: string;
}

const kind = (status: number, rpc: number, fault: Fault, help: string, retryable = false): ErrorKind => ({ status, rpc, fault, retryable, help });

export const ERROR_CODES = {
  'request.malformed_json': kind(400, -32700, 'client', 'The body is not one complete JSON document in UTF-8.'),
  'request.invalid': kind(400, -32600, 'client', 'The body is JSON but not a JSON-RPC 2.0 message that this endpoint takes.'),
  'request.ambiguous': kind(
    400,
    -32600,
    'client',
    'A key that decides routing or authorisation appears twice, or in a spelling that other parsers fold together. Send it once, spelled as the specification spells it.',
  ),
  'request.bad_params': kind(400, -32602, 'client', 'A parameter is missing or has the wrong type.'),
  'request.bad_input': kind(400, -32602, 'client', 'A field has a value that cannot be used; the message names the field.'),
  'request.validation': kind(422, -32602, 'client', 'The body does not fit the schema of this route; `detail` lists each field.'),
  'schema.message': kind(
    400,
    -32600,
    'client',
    'The server checks strictly (`strictSchema`), and the message is none of its revision of MCP; `data.faults` lists where and why.',
  ),
  'schema.params': kind(
    400,
    -32602,
    'client',
    'The server checks strictly (`strictSchema`), and the params, or the result in an answer, break the schema of its revision of MCP; `data.faults` lists where and why.',
  ),
  'request.too_large': kind(413, -31413, 'client', 'The body is larger than this endpoint accepts; the message gives both sizes.'),
  'request.not_acceptable': kind(406, -31406, 'client', 'The Accept header excludes every form this endpoint can answer in.'),
  'request.unsupported_media_type': kind(415, -31415, 'client', 'Send Content-Type: application/json, without a Content-Encoding.'),
  'request.method_not_allowed': kind(405, -31405, 'client', 'This path does not take that HTTP method; see the Allow header.'),
  'request.timeout': kind(408, -31408, 'client', 'The request did not arrive completely in time.'),
  'header.mismatch': kind(
    400,
    -32020,
    'client',
    'MCP-Protocol-Version, Mcp-Method, Mcp-Name or a Mcp-Param header is missing, malformed or differs from the body (MCP 2026-07-28).',
  ),
  'host.refused': kind(403, -31403, 'client', 'The Host header names a host this gateway does not answer for. Add it to ALLOWED_HOSTS if it should.'),
  'origin.refused': kind(403, -31403, 'client', 'The Origin header is not in ALLOWED_ORIGINS.'),
  'route.not_found': kind(404, -31404, 'client', 'There is nothing at this path.'),
  'auth.required': kind(401, -31401, 'client', 'Send Authorization: Bearer <token>. `mcpgateway token` makes one.'),
  'auth.invalid': kind(
    401,
    -31401,
    'client',
    'The credential is malformed, wrongly signed, expired, revoked, or meant for another audience or issuer.',
  ),
  'access.denied': kind(403, -31403, 'client', 'The caller is known but may not do this.'),
  'session.not_found': kind(404, -32001, 'client', 'The session is unknown, ended, expired or another caller’s. Send initialize again.'),
  'session.stream_taken': kind(409, -32000, 'client', 'This session already has an open GET stream.', true),
  'session.bad_event_id': kind(400, -32000, 'client', 'Last-Event-ID names no stream of this session.'),
  'gateway.not_found': kind(404, -31404, 'client', 'No such gateway, or the caller may not see it.'),
  'gateway.conflict': kind(409, -31409, 'client', 'A gateway with this name, or with this URL and credentials, exists.'),
  'server.not_found': kind(404, -31404, 'client', 'No such server, or the caller may not see it.'),
  'server.conflict': kind(409, -31409, 'client', 'A server with this name or id exists.'),
  'server.disabled': kind(404, -31404, 'client', 'The server is switched off. POST /servers/{id}/state?activate=true switches it on.'),
  'tool.not_found': kind(404, -32602, 'client', 'No such tool, or the caller may not see it.'),
  'resource.not_found': kind(404, -32602, 'client', 'No such resource, or the caller may not see it.'),
  'prompt.not_found': kind(404, -32602, 'client', 'No such prompt, or the caller may not see it.'),
  'item.listed': kind(
    409,
    -31409,
    'client',
    'What a gateway lists would come back with its next reading, so it is not deleted. Switch it off (POST …/{id}/state?activate=false) or delete the gateway.',
  ),
  'cursor.stale': kind(400, -32602, 'client', 'The cursor is of a list that has changed since, or of no list of this server. Start the list again.'),
  'bridge.mid_call': kind(
    502,
    -32603,
    'upstream',
    'The upstream asked something in the middle of a call that cannot be brought to this client; it was refused and the call given up.',
  ),
  'bridge.capability_missing': kind(
    400,
    -32021,
    'client',
    'The upstream has to ask the client something that the client does not declare it can answer: `data.requiredCapabilities`.',
  ),
  'bridge.state_unknown': kind(
    400,
    -32602,
    'client',
    'No call waits for this `requestState`: it was used already, is another caller’s or another call’s, has expired, was altered, or the gateway was restarted. Make the call anew.',
  ),
  'bridge.expired': kind(
    504,
    -32603,
    'client',
    'The client took too long to answer what the upstream asked (MCPGATEWAY_ELICITATION_TIMEOUT); the call was given up and the upstream told so.',
  ),
  'bridge.unanswered': kind(
    400,
    -32603,
    'client',
    'The client refused, or could not answer, what the upstream asked in the middle of this call; the call was given up.',
  ),
  'bridge.task_cancelled': kind(400, -32603, 'client', 'The task was cancelled, so there is no result of it.'),
  'limit.waiting_calls': kind(
    503,
    -31503,
    'capacity',
    'As many calls wait for answers of their clients as may (MCPGATEWAY_ELICITATION_MAX_CONCURRENT).',
    true,
  ),
  'token.not_found': kind(404, -31404, 'client', 'No such token.'),
  'limit.rate': kind(
    429,
    -31429,
    'capacity',
    'The calls per minute configured for this server or gateway are used up; `data.retryAfterMs` says when the next is free.',
    true,
  ),
  'limit.concurrency': kind(429, -31429, 'capacity', 'As many calls as configured are running on this server or gateway.', true),
  'limit.sessions': kind(503, -31503, 'capacity', 'The gateway holds as many sessions as it may.', true),
  'limit.processes': kind(503, -31503, 'capacity', 'As many processes of stdio gateways run as may (MCPGATEWAY_STDIO_PROCESSES_MAX).', true),
  'gateway.stopping': kind(503, -31503, 'capacity', 'The gateway is shutting down.', true),
  'upstream.unreachable': kind(502, -31502, 'upstream', 'The upstream server could not be reached; the message says at which step.', true),
  'upstream.refused_by_guard': kind(
    400,
    -31400,
    'config',
    'The upstream’s address is private, link-local, a metadata service or otherwise not allowed. See SSRF_ALLOWED_NETWORKS, SSRF_ALLOW_LOCALHOST and SSRF_ALLOW_PRIVATE_NETWORKS.',
  ),
  'upstream.command_refused': kind(
    400,
    -31400,
    'config',
    'The command of a stdio gateway is not one this gateway may start. See MCPGATEWAY_STDIO_COMMANDS.',
  ),
  'upstream.not_started': kind(
    502,
    -31502,
    'upstream',
    'The command of a stdio gateway could not be started: it does not exist, may not be run, or its working directory is missing.',
    true,
  ),
  'upstream.exited': kind(
    502,
    -31502,
    'upstream',
    'The process of a stdio gateway ended before the answer was complete; the message has the end of its stderr. The next call starts it again.',
    true,
  ),
  'upstream.wrong_era': kind(
    400,
    -32022,
    'upstream',
    'The upstream does not speak the protocol revision of this request; `data.supported` lists what it does speak.',
  ),
  'upstream.down': kind(
    503,
    -31503,
    'upstream',
    'The upstream failed several times in a row and is being probed; the message has its last error.',
    true,
  ),
  'upstream.needs_auth': kind(
    502,
    -31502,
    'upstream',
    'The upstream refuses the credentials the gateway holds for it. Update the gateway’s auth fields.',
  ),
  'upstream.bad_answer': kind(502, -31502, 'upstream', 'The upstream answered with something that is not MCP.'),
  'schema.upstream': kind(
    502,
    -31502,
    'upstream',
    'The server checks strictly (`strictSchema`), and what its upstream said breaks the schema of its revision of MCP; `data.faults` lists where and why. Switch `strictSchema` off to get the answer as it is.',
  ),
  'upstream.error': kind(
    502,
    -31502,
    'upstream',
    'The upstream refused what REST asked of it; the message has its words, `rpcCode` the number of its JSON-RPC error.',
  ),
  'upstream.connection_lost': kind(
    502,
    -31502,
    'upstream',
    'The connection to the upstream broke before the answer was complete. The call may have been carried out.',
    true,
  ),
  'upstream.session_lost': kind(502, -31502, 'upstream', 'The upstream forgot the session and it could not be opened again.', true),
  'upstream.too_large': kind(502, -31502, 'upstream', 'One event or message of the upstream is larger than the gateway takes.'),
  'upstream.timeout': kind(504, -31504, 'upstream', 'The upstream did not answer within TOOL_TIMEOUT.', true),
  'database.unavailable': kind(503, -31503, 'capacity', 'The database did not answer; nothing was changed.', true),
  'config.invalid': kind(400, -32603, 'config', 'The configuration cannot be used; the message lists every fault.'),
  internal: kind(500, -32603, 'gateway', 'A defect in the gateway. Report it with the id.'),
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERROR_CODES;
