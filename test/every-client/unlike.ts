// Where the sight through the gateway cannot be, or is not meant to be, as directly: each with its reason and with what is seen instead,
// so that no difference goes unsaid.
import { expect } from 'vitest';
import type { Sight } from './sight.ts';

export interface Front {
  readonly isCombined: boolean;
  /** The client speaks the era without sessions here, and a session directly. */
  readonly isAcrossEras: boolean;
  readonly is2024: boolean;
  /** It has no words for subscriptions in the era without sessions. */
  readonly cannotListen: boolean;
}

export interface Unlike {
  readonly why: string;
  readonly where: (front: Front) => boolean;
  readonly step: string;
  /** What is seen instead. */
  readonly instead: (direct: Sight) => object;
}

const combined = ({ isCombined }: Front): boolean => isCombined;
const across = ({ isAcrossEras }: Front): boolean => isAcrossEras;
const of2024 = ({ is2024 }: Front): boolean => is2024;
const refused = (): object => ({ refusal: expect.anything() });
const notFound = (): object => ({ refusal: { code: -32602 } });
const texts = (...blocks: unknown[]): object => ({ value: { content: blocks.map((text) => ({ type: 'text', text })) } });

const KNOWN_HERE = 'a combined server says itself what it does not have';
const UNREADABLE = 'a client of 2024 cannot read links to resources at all: the gateway puts them into words';
const URL_FIRST = 'trigger-url-elicitation {"url":"https://example.com/first","elicitationId":"consent-2","errorPath":true}';
const FIRST_ASKED = { method: 'elicitation/create', params: { mode: 'url', url: 'https://modelcontextprotocol.io' } };
const REFUSED_SAMPLE = 'trigger-sampling-request {"prompt":"refuse this"} (1)';

export const UNLIKE: readonly Unlike[] = [
  ...[
    'no-such-tool {} (1)',
    'no-such-prompt {} (1)',
    'read demo://nowhere (1)',
    'complete {"ref":{"type":"ref/prompt","name":"no-such-prompt"},"argument":{"name":"x","value":""}} (1)',
    'complete {"ref":{"type":"ref/resource","uri":"demo://nowhere/{x}"},"argument":{"name":"x","value":""}} (1)',
  ].map((step) => ({ why: KNOWN_HERE, where: combined, step, instead: notFound })),
  // Some clients refuse this one themselves.
  { why: KNOWN_HERE, where: combined, step: 'read  (1)', instead: refused },
  ...[`${URL_FIRST} (1)`, `${URL_FIRST} (2)`].map((step) => ({
    why: 'the error that sends the user to a URL first is a question in the newer era, after which the call is made again',
    where: across,
    step,
    instead: ({ steps }: Sight) => ({ value: steps[`${URL_FIRST} (2)`]?.value, asked: [FIRST_ASKED, ...(steps[`${URL_FIRST} (2)`]?.asked ?? [])] }),
  })),
  {
    why: 'a tool that insists on being a task is run as one by the gateway for a client that has no words for it',
    where: across,
    step: 'simulate-research-query {"topic":"gateways"} (1)',
    instead: () => texts(expect.stringContaining('# Research Report: gateways')),
  },
  {
    why: 'a refusal to sample has no words in the newer era: the application hears its own',
    where: across,
    step: REFUSED_SAMPLE,
    instead: ({ steps }) => ({ refusal: { message: expect.stringContaining('The user refused') }, asked: steps[REFUSED_SAMPLE]?.asked }),
  },
  {
    why: UNREADABLE,
    where: of2024,
    step: 'gzip-file-as-resource {"name":"note.gz","data":"data:text/plain,note","outputType":"resourceLink"} (1)',
    instead: () => texts('note.gz: demo://resource/session/note.gz (application/gzip)'),
  },
  {
    why: UNREADABLE,
    where: of2024,
    step: 'get-resource-links {"count":10} (1)',
    instead: () =>
      texts(
        'Here are 10 resource links to resources available in this server:',
        ...Array.from({ length: 10 }, (_, at) => expect.stringContaining(`demo://resource/dynamic/${at % 2 === 0 ? 'blob' : 'text'}/${at + 1}`)),
      ),
  },
  ...['watch (1)', 'unwatch (1)'].map((step) => ({
    why: 'this client has no words for subscriptions in the newer era',
    where: ({ cannotListen, isAcrossEras }: Front) => cannotListen && isAcrossEras,
    step,
    instead: refused,
  })),
];
