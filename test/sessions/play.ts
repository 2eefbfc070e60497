/**
 * `node play.ts v1|v2 URL` or `node play.ts modern URL CONTROL_ORIGIN` plays one session of a TypeScript SDK against URL; exits
 * with 1 when a step failed.
 */
const [session, url = '', control = ''] = process.argv.slice(2);
if (session === 'v1') await (await import('./client-v1.ts')).playV1Session(url);
else if (session === 'v2') await (await import('./client-v2.ts')).playV2Session(url);
else if (session === 'modern') await (await import('./client-modern.ts')).playModernSession(url, control);
else throw new Error('Usage: play.ts v1|v2|modern URL [CONTROL_ORIGIN]');
