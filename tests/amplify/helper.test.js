// The helper against the published aws-amplify in Node.js, and a server that says what each test wants.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import http from "node:http";
import { after, before, beforeEach, test } from "node:test";
import { Amplify } from "aws-amplify";
import { get } from "aws-amplify/api";
import { fetchAuthSession } from "aws-amplify/auth";
import { Hub } from "aws-amplify/utils";

const AUTH = { Cognito: { userPoolId: "eu-west-1_abc", userPoolClientId: "client" } };
const GRAPHQL = { endpoint: "https://graphql.example.com", defaultAuthMode: "apiKey", apiKey: "key" };
const OWN = { endpoint: "https://own.example.com", region: "eu-west-1" };
const TABLES = [
  "<html><body>Sign in to this network</body></html>",
  "",
  "null",
  "[]",
  '"text"',
  "{}",
  '{"API":null}',
  '{"API":{"REST":null}}',
  '{"API":{"REST":[]}}',
  '{"API":{"REST":"x"}}',
  '{"API":{"REST":{"users":null}}}',
  '{"API":{"REST":{"users":"https://users.example.com"}}}',
  '{"API":{"REST":{"users":{}}}}',
  '{"API":{"REST":{"users":{"endpoint":""}}}}',
  '{"API":{"REST":{"users":{"endpoint":["https://users.example.com"]}}}}',
  '{"API":{"REST":{"users":{"endpoint":"javascript:alert(1)"}}}}',
  '{"API":{"REST":{"users":{"endpoint":"https://"}}}}',
  '{"API":{"REST":{"users":{"endpoint":"https://users.example.com","region":1}}}}',
  '{"API":{"REST":{"users":{"endpoint":"https://users.example.com","service":{}}}}}',
];

let server, origin, answer, asked, count, kept, configured;

before(async () => {
  server = http.createServer((request, response) => {
    asked.push(request);
    answer(request, response);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${server.address().port}`;
  Hub.listen("core", ({ payload }) => (configured += payload.event === "configure"));
});

after(() => {
  server.closeAllConnections();
  server.close();
});

beforeEach(() => {
  kept = new Map();
  asked = [];
  globalThis.localStorage = storage();
  Amplify.configure({ Auth: AUTH, API: { GraphQL: GRAPHQL, REST: { own: OWN } } }, { ssr: false });
  configured = 0;
});

const storage = () => ({ getItem: (name) => kept.get(name) ?? null, setItem: (name, text) => kept.set(name, text) });
const rest = () => Amplify.getConfig().API?.REST ?? {};
const api = (names) => ({ API: { REST: Object.fromEntries(Object.entries(names).map(([name, endpoint]) => [name, { endpoint }])) } });

// The module as a page has it that was just opened, and a URL of which nothing is known.
const opened = async () => (await import(`./node_modules/cloudmap-discovery-amplify/index.js?${++count}`)).configureFromManifest;
const anew = () => `${origin}/manifest/Stage-${++count}`;
count = 0;

function serve(names) {
  const text = JSON.stringify(api(names));
  const etag = `"${createHash("sha256").update(text).digest("hex")}"`;
  answer = (request, response) => {
    if (request.headers["if-none-match"] === etag) return response.writeHead(304, { etag }).end();
    response.writeHead(200, { etag, "content-type": "application/json" }).end(text);
  };
}

const say = (status, text = "") => (answer = (_, response) => response.writeHead(status).end(text));
const failures = {
  "an error of the server": () => say(500),
  "a registry that does not answer": () => say(503, '{"type":"urn:cloudmap-discovery:problem:registry-unavailable"}'),
  "no such path": () => say(404),
  "an answer without content": () => say(204),
  "a connection that is reset": () => (answer = (request) => request.socket.destroy()),
  "half an answer": () =>
    (answer = (request, response) => {
      response.writeHead(200, { "content-length": 1000 }).write('{"API":');
      setImmediate(() => request.socket.destroy());
    }),
  "no answer in time": () => (answer = () => undefined),
  "an answer that does not end in time": () => (answer = (_, response) => response.writeHead(200).write('{"API":')),
  "a redirect to itself": () => (answer = (request, response) => response.writeHead(302, { location: request.url }).end()),
};

test("entries come beside what is configured, which stays", async () => {
  serve({ users: "https://users.example.com" });
  const { source, why } = await (await opened())(anew());

  assert.deepEqual([source, why], ["network", undefined]);
  assert.deepEqual(Amplify.getConfig(), {
    Auth: AUTH,
    API: { GraphQL: GRAPHQL, REST: { own: OWN, users: { endpoint: "https://users.example.com" } } },
  });
});

test("an application that configured nothing has what the manifest has", async () => {
  Amplify.configure({});
  serve({ users: "https://users.example.com" });
  await (await opened())(new URL(anew()));

  assert.deepEqual(Amplify.getConfig(), api({ users: "https://users.example.com" }));
});

test("a call reaches the endpoint with the headers that the application configured before", async () => {
  const headers = async ({ apiName }) => ({ "x-of": apiName });
  Amplify.configure({ API: { REST: { own: OWN } } }, { API: { REST: { headers } } });
  serve({ users: `${origin}/prod` });
  await (await opened())(anew());
  say(200, '{"name":"Ada"}');

  const response = await get({ apiName: "users", path: "/users/1?full=1" }).response;

  assert.deepEqual(await response.body.json(), { name: "Ada" });
  assert.deepEqual([asked.at(-1).url, asked.at(-1).headers["x-of"]], ["/prod/users/1?full=1", "users"]);
});

test("providers of one's own stay where the options are given again", async () => {
  const token = { toString: () => "a.b.c", payload: {} };
  const options = { Auth: { tokenProvider: { getTokens: async () => ({ accessToken: token }) } } };
  Amplify.configure({ Auth: AUTH }, options);
  serve({ users: "https://users.example.com" });

  await (await opened())(anew(), { libraryOptions: options });

  assert.equal((await fetchAuthSession()).tokens.accessToken.toString(), "a.b.c");
});

test("a call is signed for the region and the service that the manifest says", async () => {
  const credentials = { accessKeyId: "AKIAEXAMPLE", secretAccessKey: "secret", sessionToken: "token" };
  const credentialsProvider = { getCredentialsAndIdentityId: async () => ({ credentials }), clearCredentialsAndIdentityId() {} };
  const libraryOptions = { Auth: { credentialsProvider } };
  Amplify.configure({ API: { REST: {} } }, libraryOptions);
  say(200, JSON.stringify({ API: { REST: { users: { endpoint: origin, region: "eu-west-1", service: "lambda" } } } }));
  await (await opened())(anew(), { libraryOptions });
  say(200, "{}");
  await get({ apiName: "users", path: "/" }).response;

  assert.match(asked.at(-1).headers.authorization, /Credential=AKIAEXAMPLE\/\d{8}\/eu-west-1\/lambda\/aws4_request/);
});

test("what the server says is not modified is not fetched again, and nothing is configured anew", async () => {
  serve({ users: "https://users.example.com" });
  const first = await (await opened())(anew());
  const before = configured;
  const second = await first.refresh();

  assert.equal(second.source, "not-modified");
  assert.equal(typeof asked.at(-1).headers["if-none-match"], "string");
  assert.deepEqual([before, configured], [1, 1]);
  assert.equal(rest().users.endpoint, "https://users.example.com");
});

test("an endpoint that moves is reached after a refresh", async () => {
  serve({ users: "https://users.example.com", orders: "https://orders.example.com" });
  const { refresh } = await (await opened())(anew());
  serve({ users: "https://moved.example.com", orders: "https://orders.example.com" });

  assert.equal((await refresh()).source, "network");
  assert.equal(rest().users.endpoint, "https://moved.example.com");
});

test("entries that are gone from the manifest are taken out, and others are not", async () => {
  serve({ users: "https://users.example.com", orders: "https://orders.example.com" });
  const { refresh } = await (await opened())(anew());
  serve({ orders: "https://orders.example.com" });
  await refresh();
  assert.deepEqual(Object.keys(rest()), ["own", "orders"]);
  serve({});
  await refresh();

  assert.deepEqual(rest(), { own: OWN });
});

test("an entry of the application is covered by the manifest's, and there again when that is gone", async () => {
  serve({ own: "https://found.example.com" });
  const { refresh } = await (await opened())(anew());
  assert.equal(rest().own.endpoint, "https://found.example.com");
  serve({ own: "https://moved.example.com" });
  await refresh();
  assert.equal(rest().own.endpoint, "https://moved.example.com");
  serve({});
  await refresh();

  assert.deepEqual(rest().own, OWN);
});

test("what the application has configured since is not taken out with an entry that is gone", async () => {
  serve({ users: "https://users.example.com" });
  const { refresh } = await (await opened())(anew());
  const mine = { endpoint: "http://localhost:3001" };
  Amplify.configure({ API: { REST: { users: mine } } });
  serve({});
  await refresh();

  assert.deepEqual(rest(), { users: mine });
});

test("entries are put in again where the application configured Amplify anew", async () => {
  serve({ users: "https://users.example.com" });
  const { refresh } = await (await opened())(anew());
  Amplify.configure({ API: { REST: { own: OWN } } });

  assert.equal((await refresh()).source, "not-modified");
  assert.deepEqual(Object.keys(rest()), ["own", "users"]);
});

test("a refresh while a fetch is under way is one more fetch after it, whoever asks for one", async () => {
  const configureFromManifest = await opened();
  const url = anew();
  serve({ users: "https://users.example.com" });
  const { refresh } = await configureFromManifest(url);
  const under_way = refresh();
  const results = Promise.all([refresh(), refresh()]);
  await under_way;
  serve({ users: "https://moved.example.com" });
  await results;

  assert.equal(asked.length, 3);
  assert.equal(rest().users.endpoint, "https://moved.example.com");
});

test("manifests of two URLs stand beside each other, in storage too", async () => {
  const configureFromManifest = await opened();
  const urls = [anew(), anew()];
  serve({ users: "https://users.example.com" });
  const first = await configureFromManifest(urls[0]);
  serve({ orders: "https://orders.example.com" });
  await configureFromManifest(urls[1]);
  serve({});
  await first.refresh();

  assert.deepEqual(Object.keys(rest()), ["own", "orders"]);
  assert.deepEqual([...kept.keys()], urls.map((url) => `cloudmap-discovery:${url}`));
});

test("calls at the same time share one fetch, and a later one makes another", async () => {
  const configureFromManifest = await opened();
  const url = anew();
  serve({ users: "https://users.example.com" });
  const results = await Promise.all([1, 2, 3].map(() => configureFromManifest(url)));
  assert.equal(asked.length, 1);
  await results[0].refresh();

  assert.equal(asked.length, 2);
  assert.deepEqual([...new Set(results.map(({ source }) => source))], ["network"]);
});

for (const [name, fail] of Object.entries(failures)) {
  test(`the last good manifest serves, from the page and from storage, after ${name}`, async () => {
    const url = anew();
    const options = { timeoutMs: 100 };
    serve({ users: "https://users.example.com" });
    const { refresh } = await (await opened())(url, { timeoutMs: 5000 });
    const good = kept.get(`cloudmap-discovery:${url}`);
    fail();
    const held = await (await opened())(url, options);
    const again = await held.refresh();
    Amplify.configure({});
    const reopened = await (await opened())(url, options);

    for (const { source, why } of [held, again, reopened]) {
      assert.equal(source, "storage");
      assert.ok(why instanceof Error);
    }
    assert.equal(rest().users.endpoint, "https://users.example.com");
    assert.equal(kept.get(`cloudmap-discovery:${url}`), good);
    serve({ users: "https://users.example.com" });
    assert.equal((await reopened.refresh()).source, "network"); // what it holds, it has not fetched itself
    assert.equal((await refresh()).source, "not-modified");
  });

  test(`it rejects with the cause where nothing is held, after ${name}, and works the next time`, async () => {
    const configureFromManifest = await opened();
    const url = anew();
    fail();
    await assert.rejects(configureFromManifest(url, { timeoutMs: 100 }), (error) => {
      assert.match(error.message, new RegExp(`^no manifest comes from ${url}, and none is kept: `));
      return error.cause instanceof Error;
    });
    assert.deepEqual(rest(), { own: OWN });
    serve({ users: "https://users.example.com" });

    assert.equal((await configureFromManifest(url)).source, "network");
  });
}

for (const text of TABLES) {
  test(`an answer that is no manifest changes nothing: ${text || "no text"}`, async () => {
    const url = anew();
    serve({ users: "https://users.example.com" });
    const { refresh } = await (await opened())(url);
    const good = kept.get(`cloudmap-discovery:${url}`);
    say(200, text);

    assert.equal((await refresh()).source, "storage");
    assert.equal(rest().users.endpoint, "https://users.example.com");
    assert.equal(kept.get(`cloudmap-discovery:${url}`), good);
  });

  test(`storage that holds something else counts as empty, and is mended: ${text || "no text"}`, async () => {
    const url = anew();
    for (const held of [text, `[${text || "null"}]`]) {
      kept.set(`cloudmap-discovery:${url}`, held);
      serve({ users: "https://users.example.com" });

      assert.equal((await (await opened())(url)).source, "network");
      assert.equal(asked.at(-1).headers["if-none-match"], undefined);
      say(500);
      assert.equal((await (await opened())(url)).source, "storage");
    }
  });
}

test("what is kept is never confirmed by an ETag: a page that begins fetches all of it", async () => {
  const url = anew();
  serve({ users: "https://users.example.com" });
  await (await opened())(url);
  kept.set(`cloudmap-discovery:${url}`, JSON.stringify(api({ users: "https://evil.example.com" })));

  assert.equal((await (await opened())(url)).source, "network");
  assert.equal(asked.at(-1).headers["if-none-match"], undefined);
  assert.equal(rest().users.endpoint, "https://users.example.com");
});

test("whoever shares a fetch has the options of who gave some", async () => {
  const url = anew();
  serve({ users: "https://users.example.com" });
  const configure = await opened();
  const given = [];
  const original = Amplify.configure;
  Amplify.configure = (config, options) => given.push(options) && original.call(Amplify, config, options);
  const libraryOptions = { API: { REST: { retryStrategy: { strategy: "no-retry" } } } };
  try {
    await Promise.all([configure(url), configure(url, { libraryOptions })]);
  } finally {
    Amplify.configure = original;
  }

  assert.deepEqual(given, [libraryOptions]);
});

test("a manifest without an ETag is fetched whole each time", async () => {
  say(200, JSON.stringify(api({ users: "https://users.example.com" })));
  const { refresh } = await (await opened())(anew());

  assert.equal((await refresh()).source, "network");
  assert.equal(asked.at(-1).headers["if-none-match"], undefined);
});

test("that something is not modified of which nothing is held is a failure", async () => {
  say(304);

  await assert.rejects((await opened())(anew()), /the answer is 304/);
});

const broken = () => {
  throw new DOMException("The quota has been exceeded.", "QuotaExceededError");
};
const storages = {
  "that is full": { getItem: () => null, setItem: broken },
  "that throws": { getItem: broken, setItem: broken },
  "that is switched off": null,
  "that is not there": undefined,
};
for (const [name, given] of Object.entries(storages)) {
  test(`the page itself holds the last good one with storage ${name}`, async () => {
    delete globalThis.localStorage;
    serve({ users: "https://users.example.com" });
    const { source, refresh } = await (await opened())(anew(), { storage: given });
    say(500);

    assert.equal(source, "network");
    assert.equal((await refresh()).source, "storage");
    assert.equal(rest().users.endpoint, "https://users.example.com");
  });
}

test("storage whose very name throws, as where cookies are blocked, is survived", async () => {
  Object.defineProperty(globalThis, "localStorage", { get: broken, configurable: true });
  try {
    serve({ users: "https://users.example.com" });

    assert.equal((await (await opened())(anew())).source, "network");
  } finally {
    delete globalThis.localStorage;
  }
});

test("storage of one's own is used in place of localStorage", async () => {
  globalThis.localStorage = { getItem: broken, setItem: broken };
  const url = anew();
  serve({ users: "https://users.example.com" });
  await (await opened())(url, { storage: storage() });
  say(500);

  assert.equal((await (await opened())(url, { storage: storage() })).source, "storage");
});

test("a service may have any name", async () => {
  say(200, '{"API":{"REST":{"__proto__":{"endpoint":"https://a.example.com"},"constructor":{"endpoint":"https://b.example.com"}}}}');
  const { refresh } = await (await opened())(anew());
  assert.deepEqual(Object.keys(rest()), ["own", "__proto__", "constructor"]);
  assert.equal(Object.getPrototypeOf(rest()), Object.prototype);
  serve({});
  await refresh();

  assert.deepEqual(rest(), { own: OWN });
});
