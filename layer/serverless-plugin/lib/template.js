// Finds in a compiled template what can be registered: APIs, functions, their URLs and aliases, and what these need.
"use strict";

const { isDeepStrictEqual } = require("node:util");

const names = (resources, isMeant) =>
  Object.entries(resources)
    .filter(([, resource]) => isMeant(resource.Type, resource.Properties ?? {}))
    .map(([name]) => name);

// Return the HTTP API that the service's functions are reached through, or undefined.
function httpApi({ resources, naming, provider }) {
  const id = naming.getHttpApiLogicalId();
  const api = resources[id] ? { Ref: id } : provider.httpApi?.id;
  const parts = partsOf(resources, "AWS::ApiGatewayV2", "ApiId", api);
  if (api === undefined || (!resources[id] && parts.length === 0)) return undefined;
  const stage = valueOf(resources, parts, "AWS::ApiGatewayV2::Stage", "StageName") ?? "$default";
  return {
    label: "HTTP API",
    url: urlOf(api, stage === "$default" ? "" : `/${stage}`),
    needs: [...parts, ...permissionsOf(resources, api)],
    condition: resources[id]?.Condition,
    isDisabled: resources[id]?.Properties?.DisableExecuteApiEndpoint === true,
    setting: "provider.httpApi.disableDefaultEndpoint",
  };
}

// Return the REST API that the service's functions are reached through, or undefined.
function restApi({ resources, naming, provider, stage }) {
  const id = naming.getRestApiLogicalId();
  const api = resources[id] ? { Ref: id } : provider.apiGateway?.restApiId;
  const parts = partsOf(resources, "AWS::ApiGateway", "RestApiId", api);
  if (api === undefined || (!resources[id] && parts.length === 0)) return undefined;
  const deployed =
    valueOf(resources, parts, "AWS::ApiGateway::Deployment", "StageName") ??
    valueOf(resources, parts, "AWS::ApiGateway::Stage", "StageName");
  return {
    label: "REST API",
    url: urlOf(api, `/${deployed ?? stage}`),
    needs: [...parts, ...permissionsOf(resources, api)],
    condition: resources[id]?.Condition,
    isDisabled: resources[id]?.Properties?.DisableExecuteApiEndpoint === true,
    setting: "provider.apiGateway.disableDefaultEndpoint",
  };
}

// Without these an API exists and answers nothing.
const PARTS = ["Stage", "Deployment", "Route", "ApiMapping", "BasePathMapping"];

function partsOf(resources, prefix, property, api) {
  if (api === undefined) return [];
  const types = PARTS.map((part) => `${prefix}::${part}`);
  const isPart = (type, properties) => types.includes(type) && isDeepStrictEqual(properties[property], api);
  return names(resources, isPart);
}

function permissionsOf(resources, api) {
  const mentioned = typeof api === "string" ? api : JSON.stringify(api);
  return names(
    resources,
    (type, { SourceArn }) =>
      type === "AWS::Lambda::Permission" && JSON.stringify(SourceArn ?? null).includes(mentioned),
  );
}

function valueOf(resources, parts, type, property) {
  const meant = parts.map((name) => resources[name]).filter((resource) => resource.Type === type);
  return meant.map((resource) => resource.Properties[property]).find((value) => typeof value === "string");
}

function urlOf(api, path) {
  const rest = `.execute-api.\${AWS::Region}.\${AWS::URLSuffix}${path}`;
  if (typeof api === "string") return { "Fn::Sub": `https://${api}${rest}` };
  if (typeof api.Ref === "string") return { "Fn::Sub": `https://\${${api.Ref}}${rest}` };
  return { "Fn::Sub": [`https://\${Api}${rest}`, { Api: api }] };
}

// Return the logical id of the function's URL, or undefined; and what lets callers in.
function functionUrl({ resources, naming }, name) {
  const id = naming.getLambdaFunctionUrlLogicalId(name);
  if (resources[id] === undefined) return undefined;
  const { AuthType, TargetFunctionArn } = resources[id].Properties;
  const url = { "Fn::Split": ["/", { "Fn::GetAtt": [id, "FunctionUrl"] }] };
  return {
    // Without the slash that AWS ends it with, as callers put a path behind it.
    url: { "Fn::Join": ["//", [{ "Fn::Select": [0, url] }, { "Fn::Select": [2, url] }]] },
    needs: names(
      resources,
      (type, { FunctionName, FunctionUrlAuthType, InvokedViaFunctionUrl }) =>
        type === "AWS::Lambda::Permission" &&
        (FunctionUrlAuthType !== undefined || InvokedViaFunctionUrl !== undefined) &&
        isDeepStrictEqual(FunctionName, TargetFunctionArn),
    ),
    isSigned: AuthType === "AWS_IAM",
  };
}

// Return the function's aliases, by name, with their logical ids.
function aliases({ resources, naming }, name) {
  const id = naming.getLambdaLogicalId(name);
  const called = [{ Ref: id }, { "Fn::GetAtt": [id, "Arn"] }, resources[id]?.Properties?.FunctionName];
  const found = names(
    resources,
    (type, { FunctionName }) =>
      type === "AWS::Lambda::Alias" && called.some((one) => isDeepStrictEqual(one, FunctionName)),
  );
  return new Map(found.map((logicalId) => [resources[logicalId].Properties.Name, logicalId]));
}

module.exports = { aliases, functionUrl, httpApi, restApi };
