// What `custom.discovery` asks for: the block with its defaults, checked, as a list of registrations.
//
// The framework's schema refuses what is misspelt, except where a service has it switched to warnings; values are
// checked here in either case.
"use strict";

const { ConfigurationError, show } = require("./errors");
const limits = require("./limits");

const BLOCK = "custom.discovery";
const HTTP_API = "httpApi";
const REST_API = "restApi";
const ARN = "arn";
const FUNCTION_URL = "function-url";
const ALIAS = "alias:";

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const isIntrinsic = (value) =>
  isObject(value) && Object.keys(value).length === 1 && /^(Ref|Fn::[A-Za-z0-9]+)$/.test(Object.keys(value)[0]);
const isScalar = (value) => ["string", "number", "boolean"].includes(typeof value);

// How each field is read: `faults` is where what is wrong goes, `path` is what the message calls the field.
const text = (limit) => (value, path, faults) => {
  const fault = isScalar(value) ? limit(String(value)) : "must be text";
  if (fault !== undefined) faults.push(`${path} is ${show(value)}: ${fault}`);
  return String(value);
};
const number = (limit) => (value, path, faults) => {
  const fault = limit(value);
  if (fault !== undefined) faults.push(`${path} is ${show(value)}: ${fault}`);
  return value;
};
const flag = (value, path, faults) => {
  if (typeof value !== "boolean") faults.push(`${path} is ${show(value)}: must be true or false`);
  return value;
};
const list = (limit) => (value, path, faults) => {
  if (!Array.isArray(value)) {
    faults.push(`${path} is ${show(value)}: must be a list`);
    return [];
  }
  return value.map((entry, index) => text(limit)(entry, `${path}[${index}]`, faults));
};
const attributes = (value, path, faults) => {
  if (!isObject(value)) {
    faults.push(`${path} is ${show(value)}: must be a map of text to text`);
    return {};
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => {
      const fault = limits.attributeKey(key);
      if (fault !== undefined) faults.push(`${path} has ${show(key)}: ${fault}`);
      const read = isIntrinsic(entry) ? entry : text(limits.attributeValue)(entry, `${path}.${key}`, faults);
      return [key, read];
    }),
  );
};

const FIELDS = {
  service: text(limits.service),
  stage: text(limits.stage),
  version: text(limits.version),
  tenant: text(limits.label),
  variant: text(limits.label),
  weight: number(limits.weight),
  attributes,
  dependencies: list(limits.dependency),
  adopt: flag,
  drainSeconds: number(limits.drainSeconds),
  verify: flag,
};

// Return the fields that are given. What is null counts as left out, as the framework has it.
function readFields(given, path, faults) {
  return Object.fromEntries(
    Object.entries(FIELDS)
      .filter(([name]) => given[name] !== undefined && given[name] !== null)
      .map(([name, read]) => [name, read(given[name], `${path}.${name}`, faults)]),
  );
}

function readOrder(block, path, faults) {
  return list(() => undefined)(block.dependsOn ?? [], `${path}.dependsOn`, faults);
}

// What is an ARN once the stack is deployed.
function checkArn(value, path, faults) {
  const isArn = typeof value === "string" && /^(arn:|\{\{resolve:ssm:)\S+$/.test(value);
  if (value === undefined || value === null || isArn || isIntrinsic(value)) return;
  faults.push(`${path} is ${show(value)}: must be an ARN, or a function such as !ImportValue`);
}

function combined(shared, own, defaults) {
  const fields = { ...defaults, ...shared, ...own };
  if (shared.attributes && own.attributes) fields.attributes = { ...shared.attributes, ...own.attributes };
  return fields;
}

function readHttp(given, shared, defaults, faults) {
  const path = `${BLOCK}.http`;
  if (given === false) return [];
  const block = isObject(given) ? given : { endpoint: given };
  const endpoint = block.endpoint === true ? undefined : (block.endpoint ?? undefined);
  if (endpoint !== undefined && ![HTTP_API, REST_API].includes(endpoint) && !isIntrinsic(endpoint)) {
    text(limits.url)(endpoint, isObject(given) ? `${path}.endpoint` : path, faults);
  }
  return [
    {
      path,
      endpoint,
      // Where nobody asks for it, a service without an endpoint is none to complain about.
      isWanted: given !== undefined && given !== null,
      dependsOn: readOrder(block, path, faults),
      fields: combined(shared, readFields(block, path, faults), defaults),
    },
  ];
}

function readFunction(name, given, shared, defaults, known, faults) {
  const path = `${BLOCK}.functions.${name}`;
  if (given === false || given === null) return [];
  if (!known.includes(name)) {
    const others = known.length > 0 ? `its functions are ${known.join(", ")}` : "it has no functions";
    faults.push(`${path}: the service has no function ${show(name)}; ${others}`);
    return [];
  }
  if (given !== true && !isObject(given)) {
    faults.push(`${path} is ${show(given)}: must be true, or a map with service and endpoint`);
    return [];
  }
  const block = given === true ? {} : given;
  const endpoint = block.endpoint ?? ARN;
  const isAlias = typeof endpoint === "string" && endpoint.startsWith(ALIAS) && endpoint !== ALIAS;
  if (![ARN, FUNCTION_URL].includes(endpoint) && !isAlias) {
    faults.push(`${path}.endpoint is ${show(endpoint)}: must be ${ARN}, ${FUNCTION_URL} or ${ALIAS}NAME`);
  }
  const own = readFields(block, path, faults);
  if (own.service === undefined) {
    own.service = `${shared.service ?? defaults.service}-${name}`;
    const fault = limits.service(own.service);
    const remedy = `say ${path}.service`;
    if (fault !== undefined) faults.push(`${path}: its name would be ${show(own.service)}: ${fault}; ${remedy}`);
  }
  const dependsOn = readOrder(block, path, faults);
  return [{ path, function: name, endpoint, dependsOn, fields: combined(shared, own, defaults) }];
}

function checkDefaults(shared, defaults, faults) {
  for (const name of ["service", "stage"]) {
    if (shared[name] !== undefined) continue;
    const fault = limits[name](defaults[name]);
    if (fault !== undefined) faults.push(`the ${name} is ${show(defaults[name])}: ${fault}; say ${BLOCK}.${name}`);
  }
}

function checkIdentities(registrations, faults) {
  const paths = new Map();
  for (const { path, fields } of registrations) {
    const identity = JSON.stringify(
      ["service", "stage", "version", "tenant", "variant"].map((name) => fields[name] ?? null),
    );
    if (paths.has(identity)) {
      faults.push(
        `${paths.get(identity)} and ${path} are the same record, ${show(fields.service)} in stage ` +
          `${show(fields.stage)}: give one of them another service or variant`,
      );
    }
    paths.set(identity, path);
  }
}

// Return what to register. `defaults` is the framework's service and stage, `functions` the names of the functions.
function readRegistrations(block, defaults, functions) {
  const faults = [];
  const shared = readFields(block, BLOCK, faults);
  checkDefaults(shared, defaults, faults);
  checkArn(block.registrar, `${BLOCK}.registrar`, faults);
  if (typeof block.layer !== "boolean") checkArn(block.layer, `${BLOCK}.layer`, faults);
  const chosen = block.functions ?? {};
  if (!isObject(chosen)) faults.push(`${BLOCK}.functions is ${show(chosen)}: must be a map of the names of functions`);
  const registrations = [
    ...readHttp(block.http, shared, defaults, faults),
    ...Object.entries(isObject(chosen) ? chosen : {}).flatMap(([name, given]) =>
      readFunction(name, given, shared, defaults, functions, faults),
    ),
  ];
  if (faults.length === 0) checkIdentities(registrations, faults);
  if (faults.length > 0) throw new ConfigurationError(faults);
  return registrations;
}

module.exports = { ALIAS, ARN, BLOCK, FUNCTION_URL, HTTP_API, REST_API, readRegistrations };
