// Configures Amplify's REST APIs from a manifest, and keeps the last good one for when none comes.
import { Amplify } from "aws-amplify";

const known = new Map(); // by URL: what is held of it, its ETag, what it put into the configuration, and the fetch under way

/** See index.d.ts. */
export function configureFromManifest(url, options = {}) {
  const key = String(url);
  if (!known.has(key)) known.set(key, { added: [] });
  const state = known.get(key);
  state.libraryOptions = options.libraryOptions ?? state.libraryOptions; // whoever shares the fetch may not have them
  state.pending ??= configure(key, options, state).finally(() => delete state.pending);
  return state.pending;
}

async function configure(url, options, state) {
  // What is under way may have been sent before the move that a refresh is for: one more fetch follows it.
  const anew = () => configureFromManifest(url, options);
  const follow = () => state.pending.then(anew, anew).finally(() => delete state.next);
  const refresh = () => (state.pending ? (state.next ??= follow()) : anew());
  const { storage, timeoutMs = 5000 } = options;
  const open = () => (storage === undefined ? globalThis.localStorage : storage);
  const name = `cloudmap-discovery:${url}`;
  state.held ??= attempt(() => checked(JSON.parse(open().getItem(name))));
  let result;
  try {
    const fetched = await fetchManifest(url, state, timeoutMs);
    const isNew = fetched && JSON.stringify(fetched) !== JSON.stringify(state.held);
    result = { source: fetched ? "network" : "not-modified", refresh };
    if (isNew) state.held = fetched;
    attempt(() => open().setItem(name, JSON.stringify(state.held)));
  } catch (why) {
    if (!state.held) throw new Error(`no manifest comes from ${url}, and none is kept: ${why}`, { cause: why });
    result = { source: "storage", why, refresh };
  }
  merge(state);
  return result;
}

// What storage does not do, full, blocked or corrupted as it may be, is done without it.
function attempt(action) {
  try {
    return action();
  } catch {
    return undefined;
  }
}

// Only what this page has fetched is asked for by its ETag: what is kept may be anybody's, and heals with the next fetch.
async function fetchManifest(url, state, timeoutMs) {
  const headers = state.etag ? { "if-none-match": state.etag } : {};
  const response = await fetch(url, { headers, cache: "no-store", signal: AbortSignal.timeout(timeoutMs) });
  if (response.status === 304 && state.etag) return undefined;
  if (response.status !== 200) throw new Error(`the answer is ${response.status}`);
  const manifest = checked(await response.json());
  const etag = response.headers.get("etag");
  state.etag = /^[!-~]+$/.test(etag ?? "") ? etag : undefined;
  return manifest;
}

function checked(manifest) {
  const rest = manifest.API.REST;
  const isText = (value) => value === undefined || typeof value === "string";
  const isEntry = ({ endpoint, region, service }) =>
    endpoint && [endpoint, region, service].every(isText) && /^https?:\/\/[^/]/.test(endpoint);
  if (Array.isArray(rest) || typeof rest !== "object" || !Object.values(rest).every(isEntry)) {
    throw new TypeError("this is no manifest");
  }
  return manifest;
}

function merge(state) {
  const config = Amplify.getConfig();
  const before = Object.entries(config.API?.REST ?? {});
  const rest = new Map(before);
  for (const [name, ours, theirs] of state.added) {
    if (rest.get(name) !== ours) continue; // the application has configured it since
    if (theirs) rest.set(name, theirs);
    else rest.delete(name);
  }
  state.added = Object.entries(state.held.API.REST).map(([name, ours]) => [name, ours, rest.get(name)]);
  for (const [name, ours] of state.added) rest.set(name, ours);
  if (rest.size === before.length && before.every(([name, entry]) => rest.get(name) === entry)) return;
  Amplify.configure({ ...config, API: { ...config.API, REST: Object.fromEntries(rest) } }, state.libraryOptions);
}
