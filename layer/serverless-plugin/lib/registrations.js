// Turns each registration into a Custom::ServiceEndpoint of the compiled template.
"use strict";

const { ALIAS, ARN, FUNCTION_URL, HTTP_API, REST_API } = require("./configuration");
const { ConfigurationError, show } = require("./errors");
const { aliases, functionUrl, httpApi, restApi } = require("./template");

const TYPE = "Custom::ServiceEndpoint";
const REGISTRAR = { "Fn::ImportValue": "cloudmap-discovery-registrar" };
// Resources are known by these from one deployment to the next: with another one a record would be removed and
// registered anew. No other resource of the framework's has an id that ends like this.
const LOGICAL_ID = "DiscoveryServiceEndpoint";
// What an event is called that makes an API.
const EVENTS = { [HTTP_API]: "httpApi", [REST_API]: "http" };

// Add what is to be registered to the template; return a line about each for people.
//
// `world` is the compiled template's `resources`, the framework's `naming`, the `provider` block and its `stage`.
function addRegistrations(world, registrations, registrar = REGISTRAR) {
  const faults = [];
  const added = {};
  const lines = [];
  for (const registration of registrations) {
    const { path, dependsOn } = registration;
    const find = registration.function === undefined ? httpTarget : functionTarget;
    const target = find(world, registration);
    if (target === undefined) continue;
    faults.push(...(target.faults ?? []));
    const missing = dependsOn.filter((name) => world.resources[name] === undefined);
    if (missing.length > 0) faults.push(`${path}.dependsOn: the template has no resource ${missing.join(", ")}`);
    const id = logicalId(world, registration);
    if (world.resources[id] !== undefined) {
      faults.push(`the template has a resource ${id} already, an id that this plugin needs: give yours another name`);
    }
    added[id] = resourceOf(registration, target, registrar);
    lines.push(lineOf(registration, target));
  }
  if (faults.length > 0) throw new ConfigurationError(faults);
  Object.assign(world.resources, added);
  return lines;
}

function logicalId({ naming }, registration) {
  const name = registration.function;
  return name === undefined ? LOGICAL_ID : `${naming.getNormalizedFunctionName(name)}${LOGICAL_ID}`;
}

function httpTarget(world, { path, endpoint, isWanted }) {
  const found = { [HTTP_API]: httpApi(world), [REST_API]: restApi(world) };
  const apis = Object.values(found).filter((api) => api !== undefined);
  if (endpoint !== undefined && endpoint !== HTTP_API && endpoint !== REST_API) {
    // A domain of the user's own, which leads to what the service has, if it has any.
    return {
      endpoint,
      label: typeof endpoint === "string" ? endpoint : "its URL",
      needs: apis.flatMap((api) => api.needs),
      condition: apis.length === 1 ? apis[0].condition : undefined,
    };
  }
  if (endpoint === undefined && apis.length > 1) {
    const choice = `say ${path}: ${HTTP_API} or ${REST_API}, or false`;
    return { faults: [`${path}: the service has an HTTP API and a REST API, and one of them has its name: ${choice}`] };
  }
  const api = endpoint === undefined ? apis[0] : found[endpoint];
  if (api === undefined) {
    if (!isWanted) return undefined;
    const events = EVENTS[endpoint] ?? Object.values(EVENTS).join(" or ");
    return { faults: [`${path}: there is no such API, as no function has an event ${events}`] };
  }
  const choice = `say ${path}: https://…, or false`;
  const faults = api.isDisabled
    ? [`${path}: ${api.setting} is true, so that the API answers under a domain of your own only: ${choice}`]
    : [];
  return { endpoint: api.url, label: api.label, needs: api.needs, condition: api.condition, faults };
}

function functionTarget(world, { path, function: name, endpoint }) {
  const id = world.naming.getLambdaLogicalId(name);
  const condition = world.resources[id]?.Condition;
  if (endpoint === ARN) {
    return { endpoint: { "Fn::GetAtt": [id, "Arn"] }, label: `function ${name}`, needs: [], condition };
  }
  if (endpoint === FUNCTION_URL) {
    const url = functionUrl(world, name);
    if (url === undefined) {
      return { faults: [`${path}.endpoint: the function ${name} has no URL: say functions.${name}.url: true`] };
    }
    const { needs, isSigned } = url;
    return { endpoint: url.url, label: `URL of function ${name}`, needs, condition, isSigned };
  }
  const wanted = endpoint.slice(ALIAS.length);
  const known = aliases(world, name);
  if (!known.has(wanted)) {
    const others = known.size > 0 ? `${name} has ${[...known.keys()].join(", ")}` : `${name} has none`;
    return { faults: [`${path}.endpoint: the template has no alias ${show(wanted)}; ${others}`] };
  }
  return { endpoint: { Ref: known.get(wanted) }, label: `alias ${wanted} of function ${name}`, needs: [], condition };
}

function resourceOf({ fields, dependsOn }, { endpoint, needs = [], condition, isSigned }, registrar) {
  const { attributes, dependencies, ...plain } = fields;
  const all = isSigned ? { auth: "iam", ...attributes } : (attributes ?? {});
  const properties = Object.entries(plain).map(([name, value]) => [name[0].toUpperCase() + name.slice(1), value]);
  const order = [...new Set([...needs, ...dependsOn])].sort();
  return {
    Type: TYPE,
    ...(condition === undefined ? {} : { Condition: condition }),
    ...(order.length === 0 ? {} : { DependsOn: order }),
    Properties: {
      ServiceToken: registrar,
      ...Object.fromEntries(properties),
      Endpoint: endpoint,
      ...(Object.keys(all).length === 0 ? {} : { Attributes: all }),
      ...(dependencies === undefined || dependencies.length === 0 ? {} : { Dependencies: dependencies }),
    },
  };
}

function lineOf({ fields }, { label }) {
  const rest = ["stage", "version", "tenant", "variant"]
    .filter((name) => fields[name] !== undefined)
    .map((name) => `${name} ${fields[name]}`);
  return `${fields.service} (${rest.join(", ")}): ${label}`;
}

module.exports = { addRegistrations };
