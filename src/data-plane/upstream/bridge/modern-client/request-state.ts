// What a client carries for us between the rounds of one call (`requestState`, MCP 2026-07-28): a reference to the parked call, sealed so
// that it can neither be read nor made nor altered. The tag in front says which instance holds the call; the seal covers it too.
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { newSecretId, type Secret } from '#base/kernel';

export interface RequestState {
  /** Of the parked call. */
  readonly callId: string;
  /** Which of its rounds; each is answered once. */
  readonly round: string;
  /** Epoch ms after which nobody waits any more. */
  readonly expiresAtMs: number;
}

const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const STATE_MAX = 1024;
const PARTS = /^mcpgw1\.([\w-]{1,64})\.([\w-]{1,800})$/;

export class RequestStates {
  readonly #key: Buffer;
  /** A call is parked in this process and nowhere else. */
  readonly #instance = newSecretId().slice(0, 8);

  constructor(secret: Secret) {
    this.#key = Buffer.from(hkdfSync('sha256', secret.reveal(), '', 'mcpgateway requestState', 32));
  }

  /** @param binding what the state is good for: whoever brings it with another one brings a foreign state */
  seal(state: RequestState, binding: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.#key, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(this.#bound(binding));
    const sealed = Buffer.concat([nonce, cipher.update(JSON.stringify(state)), cipher.final(), cipher.getAuthTag()]);
    return `mcpgw1.${this.#instance}.${sealed.toString('base64url')}`;
  }

  /** Undefined for anything that was not sealed here for this binding, and for what has expired. */
  open(text: string, binding: string, nowMs: number): RequestState | undefined {
    const parts = text.length > STATE_MAX ? null : PARTS.exec(text);
    if (parts === null || parts[1] !== this.#instance) return undefined;
    const sealed = Buffer.from(parts[2] ?? '', 'base64url');
    // One state has one spelling.
    if (sealed.length <= NONCE_BYTES + TAG_BYTES || sealed.toString('base64url') !== parts[2]) return undefined;
    try {
      const decipher = createDecipheriv(ALGORITHM, this.#key, sealed.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
      decipher.setAAD(this.#bound(binding));
      decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
      const plain = Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
      const state = JSON.parse(plain.toString()) as RequestState;
      return state.expiresAtMs > nowMs ? state : undefined;
    } catch {
      return undefined;
    }
  }

  #bound(binding: string): Buffer {
    return Buffer.from(`${this.#instance}\0${binding}`);
  }
}
