// Resources that one session with an upstream of the older era is subscribed to, for as long as somebody follows them: subscribed to once,
// whoever comes, and unsubscribed from with the last.

/** Asks the upstream. Resolves with whether it agreed; never rejects. */
export type AskSubscription = (method: 'resources/subscribe' | 'resources/unsubscribe', uri: string) => Promise<boolean>;

interface Followed {
  followers: number;
  isSubscribed: boolean;
  /** What is asked of the upstream for this URI is asked in order: over HTTP two requests could overtake each other. */
  work: Promise<void>;
}

const URIS_MAX = 1000;

export class FollowedResources {
  readonly #byUri = new Map<string, Followed>();
  readonly #ask: AskSubscription;

  constructor(ask: AskSubscription) {
    this.#ask = ask;
  }

  /** Resolves with whether the upstream tells of it; to be taken back by `release` only then. */
  async follow(uri: string): Promise<boolean> {
    let followed = this.#byUri.get(uri);
    if (followed === undefined) {
      if (this.#byUri.size >= URIS_MAX) return false;
      this.#byUri.set(uri, (followed = { followers: 0, isSubscribed: false, work: Promise.resolve() }));
    }
    followed.followers++;
    await this.#agree(uri, followed);
    if (!followed.isSubscribed) this.release(uri);
    return followed.isSubscribed;
  }

  release(uri: string): void {
    const followed = this.#byUri.get(uri);
    if (followed === undefined) return;
    followed.followers--;
    void this.#agree(uri, followed);
  }

  /** Makes the upstream's side what ours is now. */
  #agree(uri: string, followed: Followed): Promise<void> {
    followed.work = followed.work.then(async () => {
      const isWanted = followed.followers > 0;
      if (isWanted && !followed.isSubscribed) followed.isSubscribed = await this.#ask('resources/subscribe', uri);
      else if (!isWanted && followed.isSubscribed) {
        followed.isSubscribed = false;
        await this.#ask('resources/unsubscribe', uri);
      }
      if (followed.followers === 0 && this.#byUri.get(uri) === followed) this.#byUri.delete(uri);
    });
    return followed.work;
  }
}
