"use strict";

const assert = require("node:assert/strict");
const test = require("node:test");

const { addLayer, addStage } = require("../lib/functions");

const LAYER = "arn:aws:lambda:eu-central-1:123456789012:layer:cloudmap-discovery:1";
const OTHER = "arn:aws:lambda:eu-central-1:123456789012:layer:other:7";

test("every function is told the stage", () => {
  const service = { provider: { environment: { A: "1" } }, functions: {} };

  addStage(service, "dev");

  assert.deepEqual(service.provider.environment, { DISCOVERY_STAGE: "dev", A: "1" });
});

test("a stage that the user has set stays, a removed one as well", () => {
  for (const own of ["pr-1>dev", null]) {
    const service = { provider: { environment: { DISCOVERY_STAGE: own } }, functions: {} };

    addStage(service, "dev");

    assert.deepEqual(service.provider.environment, { DISCOVERY_STAGE: own });
  }
});

test("the layer is attached beside those that a function or the provider names", () => {
  const functions = { a: {}, b: { layers: [OTHER] } };
  const service = { provider: { runtime: "python3.13", layers: [OTHER, OTHER] }, functions };

  addLayer(service, LAYER);

  assert.deepEqual(functions.a.layers, [OTHER, OTHER, LAYER]);
  assert.deepEqual(functions.b.layers, [OTHER, LAYER]);
});

test("a layer that is attached already is not attached twice", () => {
  const functions = { a: { layers: [LAYER, OTHER] } };

  addLayer({ provider: { runtime: "python3.13" }, functions }, LAYER);

  assert.deepEqual(functions.a.layers, [LAYER, OTHER]);
});

test("functions that are no Python, or an image, get no layer", () => {
  const functions = { node: { runtime: "nodejs22.x" }, image: { image: "users" } };

  addLayer({ provider: { runtime: "python3.13" }, functions }, LAYER);

  assert.deepEqual(functions, { node: { runtime: "nodejs22.x" }, image: { image: "users" } });
});

test("true is the layer that the discovery stack wrote to Parameter Store", () => {
  const functions = { a: {} };

  addLayer({ provider: { runtime: "python3.13" }, functions }, true);

  assert.deepEqual(functions.a.layers, [{ "Fn::Join": ["", ["{{resolve:ssm:/cloudmap-discovery/layer}}"]] }]);
});

test("a sixth layer is refused", () => {
  const functions = { a: { layers: ["1", "2", "3", "4", "5"] } };

  assert.throws(
    () => addLayer({ provider: { runtime: "python3.13" }, functions }, LAYER),
    /function a would have 6 layers; the limit is 5/,
  );
});
