// Checklist point 25: in the modern era progress and log lines belong to one request. They come on its own stream, to nobody else, not
// even to whoever listens on behalf of the same principal; and lines of a log come only to a request that asked for them.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type StartedGateway } from '../../kit/gateway.ts';
import { startFixture, type Fixture } from '../../fixture/server.ts';
import { combinedOf } from './combined-doors.ts';
import { META, mirrorOf, modern, type Door } from './doors.ts';
import { eventually, type OpenAnswer } from './wire.ts';

type Json = Record<string, unknown>;

let gateway: StartedGateway;
let both: Fixture;
let legacy: Fixture;
const doors: Record<string, { door: Door; prefix: string }> = {};
const FRONTS = ['a mirror', 'a mirror of a legacy upstream', 'a combined server', 'a combined server of a legacy upstream'];

beforeAll(async () => {
  gateway = await startGateway();
  both = await startFixture();
  legacy = await startFixture({ eras: 'legacy' });
  const combined = (name: string, url: string) => combinedOf(gateway, [{ name, url }]);
  doors['a mirror'] = { door: await mirrorOf(gateway, both.url), prefix: '' };
  doors['a mirror of a legacy upstream'] = { door: await mirrorOf(gateway, legacy.url), prefix: '' };
  doors['a combined server'] = { door: await combined('newer', `${both.url}?combined`), prefix: 'newer-' };
  doors['a combined server of a legacy upstream'] = { door: await combined('older', `${legacy.url}?combined`), prefix: 'older-' };
});
afterAll(async () => {
  await gateway?.stop();
  await Promise.all([both?.close(), legacy?.close()]);
});

/** Everything that comes on the request's own stream; an answer that needs none is all there is. */
async function everything(answer: OpenAnswer): Promise<Json[]> {
  return answer.isStream ? answer.messages() : [await answer.answer()];
}

const notes = (messages: readonly Json[], method: string): Json[] =>
  messages.filter((message) => message['method'] === method).map(({ params }) => params as Json);

describe.each(FRONTS)('at %s', (front) => {
  const at = () => doors[front] ?? { door: { url: '', headers: {} }, prefix: '' };
  const call = (tool: string, args: object, id: string, meta: object = {}) =>
    modern(at().door, 'tools/call', { name: `${at().prefix}${tool.replaceAll('_', at().prefix === '' ? '_' : '-')}`, arguments: args }, { id, meta });

  test('point 25: each of several calls hears its own progress, growing, on its own stream, and a listener none of it', async () => {
    const listening = await modern(at().door, 'subscriptions/listen', { notifications: { toolsListChanged: true } }, { id: 'listens' });
    const heard: string[] = [];
    void (async () => {
      for (let text = await listening.message(); text !== undefined; text = await listening.message()) heard.push(text);
    })().catch(() => undefined);
    await eventually(() => heard.length > 0);
    const messages = await Promise.all(
      Array.from({ length: 8 }, async (_, i) => {
        // Tokens as different clients give them: the same for all, and two types that look alike.
        const token = i % 2 === 0 ? 1 : '1';
        return [i, token, await (await call('emit_events', { count: i + 2 }, `call ${i}`, { progressToken: token })).messages()] as const;
      }),
    );
    for (const [i, token, own] of messages) {
      const progress = notes(own, 'notifications/progress');
      expect(progress).toEqual(
        Array.from({ length: i + 2 }, (_, step) => expect.objectContaining({ progressToken: token, progress: step + 1, total: i + 2 })),
      );
      expect(own).toHaveLength(i + 3);
      expect(own.at(-1)).toMatchObject({ id: `call ${i}`, result: { resultType: 'complete' } });
    }
    expect(heard.join('')).not.toMatch(/notifications\/(progress|message)/);
    listening.close();
  });

  test('point 25: without a token there is no progress, without a level no line of a log, and with one what is as grave or graver', async () => {
    const lines = async (level?: string): Promise<unknown[]> => {
      const meta = level === undefined ? {} : { [`${META}logLevel`]: level };
      const messages = await everything(await call('test_logging_tool', {}, 'logs', meta));
      expect(notes(messages, 'notifications/progress')).toEqual([]);
      return notes(messages, 'notifications/message').map((line) => line['level']);
    };
    const silent = await everything(await call('emit_events', { count: 3 }, 'silent'));
    expect(silent).toHaveLength(1);
    expect(await lines()).toEqual([]);
    // At the same time, so that what one asks for is not what another gets.
    expect(await Promise.all([lines('debug'), lines('warning'), lines(), lines('error')])).toEqual([
      ['debug', 'info', 'warning', 'error'],
      ['warning', 'error'],
      [],
      ['error'],
    ]);
  });
});
