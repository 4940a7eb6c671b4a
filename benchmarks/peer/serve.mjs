// Serves worker.mjs under workerd on loopback: `node serve.mjs`, configured by the environment.
//   PORT            where it listens
//   WEBHOOK_SECRET  key of the messages' HMAC
//   LOG             sync: the log is written before the answer; async: after it; none
//   RATE            messages a minute and address, 0: no limit
//   KV              folder of the key-value store
//   ENDPOINTS       base addresses, comma-separated; <address>/webhook is posted to
import { Miniflare } from 'miniflare';

const { PORT, WEBHOOK_SECRET, KV, LOG = 'sync', RATE = '0', ENDPOINTS = '' } = process.env;
if (!PORT || !WEBHOOK_SECRET || !KV) {
  console.error('serve.mjs: PORT, WEBHOOK_SECRET and KV are needed');
  process.exit(2);
}
const mf = new Miniflare({
  host: '127.0.0.1',
  port: Number(PORT),
  modules: true,
  scriptPath: 'worker.mjs',
  kvNamespaces: ['TRADING_KV'],
  kvPersist: KV,
  bindings: { WEBHOOK_SECRET, LOG: LOG === 'none' ? '' : LOG, RATE: Number(RATE) },
  compatibilityDate: '2026-01-01',
  cf: false,
});
await mf.ready;
const kv = await mf.getKVNamespace('TRADING_KV');
const endpoints = ENDPOINTS.split(',').filter(Boolean).map((url) => ({ url, active: true }));
await kv.put('vps_endpoints', JSON.stringify(endpoints));
console.log('ready');
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, async () => {
    await mf.dispose();
    process.exit(0);
  });
}
