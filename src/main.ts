// Reads the configuration, starts the app, waits for signals. Everything else is app.ts.
import { silentLogger } from '#base/kernel';
import { loadConfig } from '#base/config';
import { startApp } from './app.ts';

const { config } = loadConfig();
const app = await startApp(config, { ...silentLogger, error: (message, fields) => console.error(message, fields), warn: (message, fields) => console.error(message, fields) });
console.log(`listening on ${app.host}:${app.port}`);
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => void app.stop().then(() => process.exit(0)));
}
