"use strict";

const assert = require("node:assert/strict");
const test = require("node:test");

const { readRegistrations } = require("../lib/configuration");
const { addRegistrations } = require("../lib/registrations");
const { arnOf, naming, withAlias, withFunctions, withHttpApi, withRestApi, withUrl } = require("./framework");

const REGISTRAR = { "Fn::ImportValue": "cloudmap-discovery-registrar" };

function add(block, resources, provider = {}) {
  const functions = ["create", "list"];
  const registrations = readRegistrations(block, { service: "users", stage: "dev" }, functions);
  const all = { ...withFunctions(...functions), ...resources };
  const before = structuredClone(all);
  const lines = addRegistrations({ resources: all, naming, provider, stage: "dev" }, registrations, block.registrar);
  const added = Object.fromEntries(Object.entries(all).filter(([name]) => !(name in before)));
  const kept = Object.fromEntries(Object.entries(all).filter(([name]) => name in before));
  assert.deepEqual(kept, before, "what was in the template stays as it is");
  return { added, lines };
}

test("the HTTP API is registered once its stage, its routes and leave to call the functions are there", () => {
  const { added, lines } = add({}, withHttpApi("list"));

  assert.deepEqual(added, {
    DiscoveryServiceEndpoint: {
      Type: "Custom::ServiceEndpoint",
      DependsOn: ["HttpApiRouteGet", "HttpApiStage", "ListLambdaPermissionHttpApi"],
      Properties: {
        ServiceToken: REGISTRAR,
        Service: "users",
        Stage: "dev",
        Endpoint: { "Fn::Sub": "https://${HttpApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}" },
      },
    },
  });
  assert.deepEqual(lines, ["users (stage dev): HTTP API"]);
});

test("the REST API is registered with its stage, once that is deployed", () => {
  const { DiscoveryServiceEndpoint: added } = add({}, withRestApi("list")).added;

  assert.deepEqual(added.DependsOn, ["ApiGatewayDeployment1700000000000", "ListLambdaPermissionApiGateway"]);
  assert.deepEqual(added.Properties.Endpoint, {
    "Fn::Sub": "https://${ApiGatewayRestApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}/dev",
  });
});

for (const [id, endpoint] of [
  ["abc123", { "Fn::Sub": "https://abc123.execute-api.${AWS::Region}.${AWS::URLSuffix}" }],
  [
    { "Fn::ImportValue": "shared-api" },
    {
      "Fn::Sub": [
        "https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}",
        { Api: { "Fn::ImportValue": "shared-api" } },
      ],
    },
  ],
]) {
  test(`an HTTP API of another stack is registered by its id: ${JSON.stringify(id)}`, () => {
    const provider = { httpApi: { id } };

    const { DiscoveryServiceEndpoint: added } = add({}, withHttpApi("list", id), provider).added;

    assert.deepEqual(added.Properties.Endpoint, endpoint);
    assert.deepEqual(added.DependsOn, ["HttpApiRouteGet", "ListLambdaPermissionHttpApi"]);
  });
}

test("a REST API of another stack is registered by its id", () => {
  const provider = { apiGateway: { restApiId: "abc123" } };

  const { DiscoveryServiceEndpoint: added } = add({}, withRestApi("list", "abc123"), provider).added;

  assert.deepEqual(added.Properties.Endpoint, {
    "Fn::Sub": "https://abc123.execute-api.${AWS::Region}.${AWS::URLSuffix}/dev",
  });
});

test("an API of another stack that no function uses is not the service's", () => {
  assert.deepEqual(add({}, {}, { httpApi: { id: "abc123" }, apiGateway: { restApiId: "def456" } }).added, {});
});

test("which of two APIs has the service's name is to be said", () => {
  const both = { ...withHttpApi("list"), ...withRestApi("list") };

  assert.throws(() => add({}, both), /an HTTP API and a REST API.*say custom\.discovery\.http: httpApi or restApi/);
  assert.match(add({ http: "restApi" }, both).lines[0], /REST API/);
  assert.match(add({ http: { endpoint: "httpApi" } }, both).lines[0], /HTTP API/);
});

test("an endpoint that is asked for and not there is an error; by default it is none", () => {
  assert.deepEqual(add({}, {}), { added: {}, lines: [] });
  assert.throws(() => add({ http: true }, {}), /custom\.discovery\.http: there is no such API.*httpApi or http/);
  assert.throws(() => add({ http: "restApi" }, withHttpApi("list")), /no function has an event http$/);
});

test("an API whose own URL is switched off is not registered under it", () => {
  const resources = withHttpApi("list");
  resources.HttpApi.Properties.DisableExecuteApiEndpoint = true;

  assert.throws(() => add({}, resources), /provider\.httpApi\.disableDefaultEndpoint is true.*say .*\.http: https:/);
});

test("a domain of one's own is registered once the API behind it is there, and what else it needs", () => {
  const http = { endpoint: "https://users.example.com", dependsOn: ["Mapping"] };
  const resources = { ...withHttpApi("list"), Mapping: { Type: "AWS::ApiGatewayV2::ApiMapping", Properties: {} } };

  const { DiscoveryServiceEndpoint: added } = add({ http }, resources).added;

  assert.equal(added.Properties.Endpoint, "https://users.example.com");
  assert.deepEqual(added.DependsOn, ["HttpApiRouteGet", "HttpApiStage", "ListLambdaPermissionHttpApi", "Mapping"]);
});

test("a function is registered by its ARN, without a version", () => {
  const { added, lines } = add({ functions: { create: true } }, {});

  assert.deepEqual(added, {
    CreateDiscoveryServiceEndpoint: {
      Type: "Custom::ServiceEndpoint",
      Properties: { ServiceToken: REGISTRAR, Service: "users-create", Stage: "dev", Endpoint: arnOf("create") },
    },
  });
  assert.deepEqual(lines, ["users-create (stage dev): function create"]);
});

test("a function's URL is registered without the slash at its end, once callers are let in", () => {
  const functions = { create: { endpoint: "function-url" } };
  const parts = { "Fn::Split": ["/", { "Fn::GetAtt": ["CreateLambdaFunctionUrl", "FunctionUrl"] }] };

  const { CreateDiscoveryServiceEndpoint: added } = add({ functions }, withUrl("create")).added;

  assert.deepEqual(added.DependsOn, ["CreateLambdaPermissionFnUrl"]);
  assert.deepEqual(added.Properties.Endpoint, {
    "Fn::Join": ["//", [{ "Fn::Select": [0, parts] }, { "Fn::Select": [2, parts] }]],
  });
  assert.equal(added.Properties.Attributes, undefined);
});

test("a function's URL that wants signed requests says so", () => {
  const functions = { create: { endpoint: "function-url", attributes: { color: "blue" } } };

  const { CreateDiscoveryServiceEndpoint: added } = add({ functions }, withUrl("create", { auth: "AWS_IAM" })).added;

  assert.deepEqual(added.Properties.Attributes, { auth: "iam", color: "blue" });
});

test("a function without a URL is an error that says how it gets one", () => {
  const functions = { create: { endpoint: "function-url" } };

  assert.throws(() => add({ functions }, {}), /the function create has no URL: say functions\.create\.url: true/);
});

test("an alias of the template is registered", () => {
  const functions = { create: { endpoint: "alias:live" } };

  const { CreateDiscoveryServiceEndpoint: added } = add({ functions }, withAlias("create", "live")).added;

  assert.deepEqual(added.Properties.Endpoint, { Ref: "CreateLiveAlias" });
});

test("an alias that the template does not have for this function is an error that names those it has", () => {
  const functions = { create: { endpoint: "alias:live" } };

  assert.throws(() => add({ functions }, withAlias("list", "live")), /no alias "live"; create has none/);
  assert.throws(() => add({ functions }, withAlias("create", "blue")), /no alias "live"; create has blue/);
});

test("every property is written as the registrar names it", () => {
  const block = {
    registrar: "arn:aws:lambda:eu-central-1:123456789012:function:registrar",
    version: "1.0.0",
    tenant: "acme",
    variant: "blue",
    weight: 10,
    attributes: { color: "blue" },
    dependencies: ["payments@^1.2"],
    adopt: true,
    drainSeconds: 30,
    verify: true,
  };

  const { added, lines } = add(block, withHttpApi("list"));

  const { Endpoint: endpoint, ...properties } = added.DiscoveryServiceEndpoint.Properties;
  assert.ok(endpoint);
  assert.deepEqual(properties, {
    ServiceToken: block.registrar,
    Service: "users",
    Stage: "dev",
    Version: "1.0.0",
    Tenant: "acme",
    Variant: "blue",
    Weight: 10,
    Attributes: { color: "blue" },
    Dependencies: ["payments@^1.2"],
    Adopt: true,
    DrainSeconds: 30,
    Verify: true,
  });
  assert.deepEqual(lines, ["users (stage dev, version 1.0.0, tenant acme, variant blue): HTTP API"]);
});

test("a record exists under the condition of what it points at", () => {
  const resources = withHttpApi("list");
  resources.HttpApi.Condition = "HasApi";
  resources.CreateLambdaFunction = { ...withFunctions("create").CreateLambdaFunction, Condition: "HasCreate" };

  const { added } = add({ functions: { create: true } }, resources);

  assert.equal(added.DiscoveryServiceEndpoint.Condition, "HasApi");
  assert.equal(added.CreateDiscoveryServiceEndpoint.Condition, "HasCreate");
});

test("a resource that has the plugin's id already is an error, and nothing is added", () => {
  const resources = { ...withHttpApi("list"), CreateDiscoveryServiceEndpoint: { Type: "AWS::SNS::Topic" } };

  assert.throws(() => add({ functions: { create: true } }, resources), /has a resource CreateDiscoveryServiceEndpoint/);
  assert.equal(resources.DiscoveryServiceEndpoint, undefined);
});

test("what a registration waits for must be in the template", () => {
  const http = { dependsOn: ["Nothing"] };

  assert.throws(() => add({ http }, withHttpApi("list")), /custom\.discovery\.http\.dependsOn: .* no resource Nothing/);
});
