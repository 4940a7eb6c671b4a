// A relay at the edge, written plainly as a Cloudflare Worker: HMAC, required fields, per-address limit in KV, parallel fan-out, KV log.
const enc = new TextEncoder();
let key; let endpoints; let endpointsAt = 0;
async function hmacOk(secret, body, sig) {
  key ??= await crypto.subtle.importKey('raw', enc.encode(secret), {name:'HMAC',hash:'SHA-256'}, false, ['verify']);
  const b = Uint8Array.from((sig||'').match(/../g)||[], h=>parseInt(h,16));
  return crypto.subtle.verify('HMAC', key, b, enc.encode(body));
}
export default { async fetch(req, env, ctx) {
  const url = new URL(req.url);
  if (url.pathname === '/health') return Response.json({status:'ok'});
  if (url.pathname !== '/webhook/tradingview' || req.method !== 'POST') return new Response('not found',{status:404});
  const body = await req.text();
  if (!await hmacOk(env.WEBHOOK_SECRET, body, req.headers.get('x-webhook-signature'))) return Response.json({error:'signature'},{status:401});
  const ip = req.headers.get('cf-connecting-ip') || 'local';
  if (env.RATE > 0) { const k='rl:'+ip+':'+Math.floor(Date.now()/60000); const n=parseInt(await env.TRADING_KV.get(k)||'0'); if (n>=env.RATE) return Response.json({error:'rate'},{status:429}); await env.TRADING_KV.put(k,String(n+1),{expirationTtl:120}); }
  let d; try { d = JSON.parse(body);} catch { return Response.json({error:'json'},{status:400}); }
  if (!d.ticker || !d.action) return Response.json({error:'fields'},{status:400});
  if (!endpoints || Date.now()-endpointsAt>5000) { endpoints = (await env.TRADING_KV.get('vps_endpoints','json')||[]).filter(e=>e.active); endpointsAt=Date.now(); }
  const rs = await Promise.allSettled(endpoints.map(e=>fetch(e.url+'/webhook',{method:'POST',body,headers:{'content-type':'application/json'},signal:AbortSignal.timeout(10000)}).then(r=>{ if(!r.ok) throw new Error(r.status); return r.text(); })));
  const ok = rs.filter(r=>r.status==='fulfilled').length;
  if (env.LOG) { const p = env.TRADING_KV.put('webhook_log:'+Date.now()+':'+crypto.randomUUID(), JSON.stringify({d,ip,ok,n:rs.length}),{expirationTtl:86400}); if (env.LOG==='sync') await p; else ctx.waitUntil(p); }
  return Response.json({success: ok>0 || rs.length===0, delivered: ok, total: rs.length},{status: ok>0||rs.length===0?200:502});
}};
