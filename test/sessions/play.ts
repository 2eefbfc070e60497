/** `node play.ts v1|v2 URL` plays one session of that TypeScript SDK against URL; exits with 1 when a step failed. */
const [sdk, url = ''] = process.argv.slice(2);
if (sdk === 'v1') await (await import('./client-v1.ts')).playV1Session(url);
else if (sdk === 'v2') await (await import('./client-v2.ts')).playV2Session(url);
else throw new Error('Usage: play.ts v1|v2 URL');
