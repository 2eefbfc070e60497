/**
 * What a scripted client received without having asked: notifications and the server's requests. A script waits here for
 * the next step's condition instead of for a time.
 */
export interface Received {
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

export interface Inbox {
  add(method: string, params: unknown): void;
  /** Resolves with the first message of `method` not yet taken that `fits`, now or once it arrives; each is taken once. */
  take(method: string, fits?: (params: Received['params']) => boolean): Promise<Received['params']>;
}

export function createInbox(): Inbox {
  const messages: Received[] = [];
  const waiting: { fits: (message: Received) => boolean; resolve: (params: Received['params']) => void }[] = [];
  return {
    add(method, params) {
      const message: Received = { method, params: { ...(params as object) } };
      const index = waiting.findIndex(({ fits }) => fits(message));
      const [waiter] = index < 0 ? [] : waiting.splice(index, 1);
      if (waiter === undefined) messages.push(message);
      else waiter.resolve(message.params);
    },
    take(method, fits = () => true) {
      const wanted = (message: Received): boolean => message.method === method && fits(message.params);
      const index = messages.findIndex(wanted);
      const [message] = index < 0 ? [] : messages.splice(index, 1);
      if (message !== undefined) return Promise.resolve(message.params);
      return new Promise((resolve) => waiting.push({ fits: wanted, resolve }));
    },
  };
}
