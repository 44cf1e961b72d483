"use strict";

const assert = require("node:assert/strict");
const test = require("node:test");

const CloudMapDiscovery = require("..");
const { naming, withFunctions, withHttpApi } = require("./framework");

class FrameworkError extends Error {
  constructor(message, code) {
    super(message);
    this.code = code;
  }
}

// The framework with one service: what it does of the lifecycle, and what it was told.
function framework({ discovery, resources = withHttpApi("create") } = {}) {
  const told = { info: [], warning: [], sections: [], schemas: [] };
  const service = {
    service: "users",
    custom: discovery === undefined ? undefined : { discovery },
    provider: { name: "aws", runtime: "python3.13", compiledCloudFormationTemplate: { Resources: {} } },
    functions: { create: {} },
  };
  const serverless = {
    service,
    classes: { Error: FrameworkError },
    getProvider: () => ({ naming, getStage: () => "dev" }),
    configSchemaHandler: { defineCustomProperties: (schema) => told.schemas.push(schema) },
    addServiceOutputSection: (name, lines) => told.sections.push([name, lines]),
  };
  const log = { info: (line) => told.info.push(line), warning: (line) => told.warning.push(line) };
  const { hooks } = new CloudMapDiscovery(serverless, {}, { log });
  const run = (...events) => events.forEach((event) => hooks[event]());
  const compiled = service.provider.compiledCloudFormationTemplate.Resources;
  return {
    service,
    told,
    compiled,
    run,
    package() {
      run("initialize", "before:package:initialize");
      Object.assign(compiled, withFunctions("create"), resources);
      run("after:aws:package:finalize:mergeCustomProviderResources");
    },
  };
}

test("without a block the HTTP endpoint is registered, and functions know the stage", () => {
  const { compiled, service, told, ...sls } = framework();

  sls.package();

  assert.equal(compiled.DiscoveryServiceEndpoint.Properties.Service, "users");
  assert.deepEqual(service.provider.environment, { DISCOVERY_STAGE: "dev" });
  assert.deepEqual(told.info, ["Registers users (stage dev): HTTP API"]);
  assert.equal(service.functions.create.layers, undefined);
});

test("functions know the stage that the block says, or none where that is switched off", () => {
  const other = framework({ discovery: { stage: "qa" } });
  const none = framework({ discovery: { environment: false } });

  other.run("initialize");
  none.run("initialize");

  assert.deepEqual(other.service.provider.environment, { DISCOVERY_STAGE: "qa" });
  assert.equal(none.service.provider.environment, undefined);
});

test("the layer is attached where that is asked for", () => {
  const { service, ...sls } = framework({ discovery: { layer: true } });

  sls.run("initialize");

  assert.equal(service.functions.create.layers.length, 1);
});

test("after a deployment the framework shows what is registered", () => {
  const { told, ...sls } = framework();

  sls.package();
  sls.run("after:deploy:deploy");

  assert.deepEqual(told.sections, [["discovery", ["users (stage dev): HTTP API"]]]);
});

test("a deployment of what was packaged earlier shows nothing", () => {
  const { told, ...sls } = framework();

  sls.run("initialize", "after:deploy:deploy");

  assert.deepEqual(told.sections, []);
});

test("a service with nothing to register is warned", () => {
  const { told, ...sls } = framework({ resources: {} });

  sls.package();
  sls.run("after:deploy:deploy");

  assert.match(told.warning[0], /Nothing is registered/);
  assert.deepEqual(told.sections, []);
});

test("what is wrong is an error of the framework's kind, which it shows without a stack trace", () => {
  const sls = framework({ discovery: { weight: -1 } });

  assert.throws(() => sls.package(), (error) => error instanceof FrameworkError && /weight is -1/.test(error.message));
});

test("a bug surfaces as itself", () => {
  const { service, ...sls } = framework();
  service.functions = null;

  assert.throws(() => sls.package(), TypeError);
});
