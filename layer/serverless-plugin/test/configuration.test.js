"use strict";

const assert = require("node:assert/strict");
const test = require("node:test");

const { readRegistrations } = require("../lib/configuration");

const DEFAULTS = { service: "users", stage: "dev" };

const read = (block, functions = ["create", "list"]) => readRegistrations(block, DEFAULTS, functions);
const faultsOf = (block, functions) => {
  try {
    read(block, functions);
  } catch (error) {
    return error.faults;
  }
  throw new assert.AssertionError({ message: "nothing was refused" });
};

test("an empty block asks for the HTTP endpoint under the service's name, where there is one", () => {
  assert.deepEqual(read({}), [
    { path: "custom.discovery.http", endpoint: undefined, isWanted: false, dependsOn: [], fields: DEFAULTS },
  ]);
});

test("what is at the top holds for every registration, unless that says otherwise", () => {
  const block = { stage: "prod", version: "1.0.0", weight: 10, functions: { create: { weight: 0, stage: "qa" } } };

  const [http, create] = read(block);

  assert.deepEqual(http.fields, { service: "users", stage: "prod", version: "1.0.0", weight: 10 });
  assert.deepEqual(create.fields, { service: "users-create", stage: "qa", version: "1.0.0", weight: 0 });
});

test("attributes of a registration are added to those at the top", () => {
  const [http] = read({ attributes: { team: "a", color: "blue" }, http: { attributes: { color: "green", n: 3 } } });

  assert.deepEqual(http.fields.attributes, { team: "a", color: "green", n: "3" });
});

test("a function is named after the service at the top and itself, or as it says", () => {
  const functions = { create: true, list: { service: "users-list-v2" } };

  const names = read({ service: "people", functions }).map(({ fields }) => fields.service);

  assert.deepEqual(names, ["people", "people-create", "users-list-v2"]);
});

test("false registers nothing", () => {
  assert.deepEqual(read({ http: false, functions: { create: false } }), []);
});

test("null is as if it were left out", () => {
  const [http, ...others] = read({ version: null, http: null, functions: { create: null } });

  assert.deepEqual(http.fields, DEFAULTS);
  assert.deepEqual(others, []);
});

test("everything that is wrong is told at once, with field, value and limit", () => {
  const faults = faultsOf({
    version: "1.2",
    weight: -1,
    http: "htpApi",
    attributes: { stage: "x", ok: { a: 1, b: 2 } },
    dependencies: ["users@"],
    functions: { create: { endpoint: "url", drainSeconds: 900 } },
  });

  assert.deepEqual(faults.map((fault) => fault.split(":")[0]), [
    'custom.discovery.version is "1.2"',
    "custom.discovery.weight is -1",
    'custom.discovery.attributes has "stage"',
    'custom.discovery.attributes.ok is {"a"',
    'custom.discovery.dependencies[0] is "users@"',
    'custom.discovery.http is "htpApi"',
    'custom.discovery.functions.create.endpoint is "url"',
    "custom.discovery.functions.create.drainSeconds is 900",
  ]);
});

for (const [name, block] of Object.entries({
  registrar: { registrar: "cloudmap-discovery-registrar" },
  layer: { layer: 3 },
  adopt: { adopt: "yes" },
  dependencies: { dependencies: "users" },
  attributes: { attributes: ["a"] },
  tenant: { tenant: { a: 1 } },
  functions: { functions: ["create"] },
  "functions.create": { functions: { create: "arn" } },
  "http.dependsOn": { http: { dependsOn: "Mapping" } },
})) {
  test(`a value of the wrong kind is refused where the schema only warns: ${name}`, () => {
    const [fault] = faultsOf(block);

    assert.ok(fault.startsWith(`custom.discovery.${name} is `), fault);
  });
}

test("ARNs may be text, a dynamic reference or a function of CloudFormation", () => {
  const arn = "arn:aws:lambda:eu-central-1:123456789012:function:registrar";
  for (const registrar of [arn, "{{resolve:ssm:/cloudmap-discovery/registrar}}", { "Fn::ImportValue": "x" }]) {
    assert.equal(read({ registrar, layer: registrar }).length, 1);
  }
});

test("a function that the service does not have is refused, with those it has", () => {
  assert.deepEqual(faultsOf({ functions: { crate: true } }), [
    'custom.discovery.functions.crate: the service has no function "crate"; its functions are create, list',
  ]);
});

test("two registrations of one record are refused", () => {
  const [fault] = faultsOf({ functions: { create: { service: "users" } } });

  assert.match(fault, /custom\.discovery\.http and custom\.discovery\.functions\.create are the same record/);
});

test("a variant tells two of one name apart", () => {
  assert.equal(read({ functions: { create: { service: "users", variant: "direct" } } }).length, 2);
});

test("the framework's own names are held against the limits, too", () => {
  const long = "x".repeat(64);

  assert.throws(
    () => readRegistrations({}, { service: long, stage: "dev" }, []),
    /the service is "x+": a name is labels .*; say custom\.discovery\.service/,
  );
  assert.equal(readRegistrations({ service: "users" }, { service: long, stage: "dev" }, []).length, 1);
});

test("a name that follows from the service's is refused with what to say instead", () => {
  const name = "y".repeat(60);

  assert.match(faultsOf({ functions: { [name]: true } }, [name])[0], /its name would be .*; say .*\.service$/);
});
