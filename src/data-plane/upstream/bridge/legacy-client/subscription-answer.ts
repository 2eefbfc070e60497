// A session's `resources/subscribe` and `resources/unsubscribe`, answered when the upstream has said what it will tell.
import { toAppError } from '#base/kernel';
import { valueAt, type Envelope } from '#base/protocol';
import type { AnswerSink, UpstreamCall } from '#data-plane/gateway';
import { stringAt } from '../../channel/string-at.ts';
import { reply } from '../../reply.ts';
import type { SessionListen } from './session-listen.ts';

const EMPTY = Buffer.from('{}');

export function answerSubscription(listen: SessionListen, message: Envelope, text: string, sink: AnswerSink): UpstreamCall {
  const uri = stringAt(text, ['params', 'uri']);
  const refuse = (code: number, why: string): UpstreamCall => reply(sink, message.id, undefined, { code, message: why });
  if (uri === undefined) return refuse(-32602, '`params.uri` must be a string.');
  let isWanted = true;
  const done = message.method === 'resources/subscribe' ? listen.subscribe(uri) : listen.unsubscribe(uri).then(() => undefined);
  done
    .then((refusal) => {
      if (!isWanted) return;
      if (refusal === undefined) reply(sink, message.id, EMPTY);
      else refuse(...refusalOf(refusal, uri));
    })
    .catch((error: unknown) => {
      if (isWanted) sink.fail(toAppError(error));
    });
  return {
    cancel() {
      isWanted = false;
    },
    pause() {},
    resume() {},
  };
}

/** @param refusal see SessionListen.subscribe */
function refusalOf(refusal: string, uri: string): [code: number, message: string] {
  if (refusal === 'left out') return [-32602, `The upstream does not tell of changes of this resource: ${uri.slice(0, 500)}`];
  const code = Number(valueAt(refusal, ['code']));
  return [Number.isInteger(code) ? code : -32603, stringAt(refusal, ['message']) ?? 'The upstream refused the subscription.'];
}
