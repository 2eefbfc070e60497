import { describe, expect, it } from 'vitest';
import { asModernAnswer, withoutEnvelope } from './envelope.ts';

const ENVELOPE =
  '"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/logLevel":"info"';

describe('a modern message on its way into a session', () => {
  it('loses its envelope, what belongs to a round, and nothing else', () => {
    const params = `"name":"t","inputResponses":{"q":{}},"arguments":{"n":1.0,"task":{}},"requestState":"s","task":{}`;
    const text = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{${params},"_meta":{${ENVELOPE},"progressToken":7,"x/y": null}}}`;
    expect(withoutEnvelope(text)).toBe(
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{"n":1.0,"task":{}},"_meta":{"progressToken":7,"x/y": null}}}',
    );
  });

  it('loses `_meta` too when nothing else is in it', () => {
    expect(withoutEnvelope(`{"id":1,"params":{"a":1,"_meta": { ${ENVELOPE} } }}`)).toBe('{"id":1,"params":{"a":1 }}');
    expect(withoutEnvelope('{"id":1}')).toBe('{"id":1}');
  });
});

describe('a result of a session for a modern client', () => {
  const info = '{"name":"s","version":"1"}';

  it('gets what only that era says, and keeps its own bytes', () => {
    const answer = asModernAnswer('{"id":1,"result":{"content":[],"n":1.0}}', { hints: undefined, serverInfo: info });
    expect(answer).toBe(`{"id":1,"result":{"resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":${info}},"content":[],"n":1.0}}`);
    const kept = asModernAnswer('{"id":1,"result":{}}', { hints: { ttlMs: 5, cacheScope: 'public' }, serverInfo: undefined });
    expect(kept).toBe('{"id":1,"result":{"resultType":"complete","ttlMs":5,"cacheScope":"public"}}');
  });

  it('keeps what it says itself, but for the kind of result, of which its era knows nothing', () => {
    const own = '{"id":1,"result":{"resultType":"input_required","_meta":{"a":1}}}';
    expect(JSON.parse(asModernAnswer(own, { hints: undefined, serverInfo: info }))).toEqual({
      id: 1,
      result: { resultType: 'complete', _meta: { a: 1, 'io.modelcontextprotocol/serverInfo': { name: 's', version: '1' } } },
    });
  });

  it('is an error of this era', () => {
    const words = { hints: undefined, serverInfo: info };
    const missing = '{"id":1,"error":{"code":-32002,"message":"m","data":{"uri":"u"}}}';
    expect(asModernAnswer(missing, words)).toBe(missing.replace('-32002', '-32602'));
    const other = '{"id":1,"error":{"code":-32050,"message":"m"}}';
    expect(asModernAnswer(other, words)).toBe(other);
  });
});
